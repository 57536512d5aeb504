/** What the page says on a host with KVM, whose system is a Linux with libvirt. Loaded when such a host has started. */
import type { PagePart } from './page-part.ts';

export const part: PagePart = {
  words: {
    tree: {
      none: 'No guest runs. Boot one, or drop a definition here.',
      connection: 'KVM, qemu:///system',
    },
    openShell: 'Open the host’s shell',
    home: {
      started: (seconds, since, size) => `The host was up ${seconds} after ${since}${size ? `, from ${size}` : ''}. `,
      lede: 'Real x86 code runs on a Linux‑style host with KVM, in this tab, and nothing leaves it.',
      log: 'Kernel’s log',
      logHint: 'as dmesg prints it',
      ways: 'Same guest, three ways',
      waysHint: 'one disk by PIO, DMA and a virtqueue, measured',
    },
    shell: { name: 'Shell of the host', hostEnded: 'The host ended, and this shell with it.' },
    strip: {
      noTask: 'No task yet. Every action appears here as the virsh command it is.',
      log: 'Kernel’s log',
      showShell: 'show the host’s shell',
      showLog: 'show what dmesg prints',
    },
    errors: {
      workerFailed: what => `The worker of the host ended (${what}). Reload the page.`,
      hostEnded: 'The host ended before it had done that. It is started again; try again.',
      endedWithHost: 'It ended with the host, as every guest did. Its memory is lost.',
      hostLost: names =>
        `The host’s worker ended and was started again.${names.length > 0 ? ` With it ended: ${names.join(', ')}. Their memory is lost, their definitions are kept: start each again.` : ' No guest was running.'}`,
      hostStopped: 'The host has ended, and its command line keeps it off. Load the page again.',
      hostKeepsEnding: 'The worker of the host ends again and again. Close other tabs and reload the page.',
    },
  },
};
