/** Procedures that go on as streams: a domain's console, and a picture of its screen. Keys that are pressed at it. */
import { array, struct, unsigned } from '../../../formats/xdr/index.ts';
import {
  activeId,
  failing,
  LibvirtError,
  MOST_KEYS,
  SCREENSHOT_TYPE,
  screenshot,
  sendKeys,
} from '../../../dom0/toolstack/libvirt/index.ts';
import type { ConsoleInput, ConsoleOutput } from '../../../dom0/toolstack/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText } from '../types.ts';
import { meant } from './domains.ts';

export const STREAMS: Table = {
  domain_open_console: procedure({
    changes: true,
    arguments: struct({ domain, device: maybeText, flags }),
    run: async ({ host, stream }, given) => {
      const found = await meant(host, given.domain);
      const id = activeId(found);
      if (id === 0) throw new LibvirtError('INTERNAL_ERROR', 'character device <null> is not using a PTY');
      const { console: port } = await failing(() => host.view(id));
      stream({
        begin: out => {
          port.onmessage = ({ data }: MessageEvent<ConsoleOutput>) => {
            if ('serial' in data) out.send(data.serial);
          };
          // The domain is gone.
          port.addEventListener('close', () => out.finish(), { once: true });
        },
        receive: bytes => port.postMessage({ serial: bytes } satisfies ConsoleInput),
        end: () => port.close(),
      });
    },
  }),
  domain_screenshot: procedure({
    arguments: struct({ domain, screen: unsigned, flags }),
    result: struct({ type: maybeText }),
    run: async ({ host, stream }, given) => {
      const picture = await screenshot(host, await meant(host, given.domain), given.screen, given.flags);
      stream({
        begin: out => {
          out.send(picture);
          out.finish();
        },
        end: () => {},
      });
      return { type: SCREENSHOT_TYPE };
    },
  }),
  domain_send_key: procedure({
    changes: true,
    arguments: struct({ domain, codeset: unsigned, holdMs: unsigned, codes: array(unsigned, MOST_KEYS), flags }),
    run: async ({ host }, given) => sendKeys(host, await meant(host, given.domain), given),
  }),
};
