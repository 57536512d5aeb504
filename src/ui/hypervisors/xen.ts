/** What the page says on a host with Xen, whose Domain-0 has xl. */
import type { PagePart } from './page-part.ts';

export const part: PagePart = {
  words: {
    tree: {
      none: 'Only Domain-0 runs. Boot a guest, or drop a definition here.',
      connection: 'Xen, xen:///system',
    },
    openShell: 'Open the shell of Domain-0',
    home: {
      started: (seconds, since, size) => `Domain-0 was up ${seconds} after ${since}${size ? `, from ${size}` : ''}. `,
      lede: 'Real x86 code runs on a Xen‑style hypervisor, in this tab, and nothing leaves it.',
      log: 'Hypervisor’s log',
      logHint: 'as xl dmesg prints it',
      ways: 'Same guest, five ways',
      waysHint: 'one disk by PIO, DMA and rings, measured',
    },
    shell: { name: 'Shell of Domain-0', hostEnded: 'Domain-0 ended, and this shell with it.' },
    strip: {
      noTask: 'No task yet. Every action appears here as the xl command it is.',
      log: 'Hypervisor’s log',
      showShell: 'show the shell of Domain-0',
      showLog: 'show what xl dmesg prints',
    },
    errors: {
      workerFailed: what => `The worker of Domain-0 ended (${what}). Reload the page.`,
      hostEnded: 'Domain-0 ended before it had done that. It is started again; try again.',
      endedWithHost: 'It ended with Domain-0, as every guest did. Its memory is lost.',
      hostLost: names =>
        `Domain-0’s worker ended and was started again.${names.length > 0 ? ` With it ended: ${names.join(', ')}. Their memory is lost, their definitions are kept: start each again.` : ' No guest was running.'}`,
      hostStopped: 'Domain 0 has ended, and noreboot on Xen’s command line keeps the host off. Load the page again.',
      hostKeepsEnding: 'The worker of Domain-0 ends again and again. Close other tabs and reload the page.',
    },
  },
};
