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
} from '../../../dom0/libvirt/index.ts';
import type { CommandHost, ConsoleInput, ConsoleOutput } from '../../../dom0/toolstack/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText } from '../types.ts';
import { meant } from './domains.ts';

/** virDomainConsoleFlags. */
const FORCE = 1 << 0;
/** What a domain's first console and serial port are called. */
const CONSOLES = ['console0', 'serial0'];

/** The client that has a domain's console open: one, as in virChrdevOpen() of src/conf/virchrdev.c, and what ends that. Windows of the page have ends of their own. */
const consoles = new WeakMap<CommandHost, Map<number, () => void>>();

function consolesOf(host: CommandHost): Map<number, () => void> {
  const found = consoles.get(host) ?? new Map<number, () => void>();
  consoles.set(host, found);
  return found;
}

/** Of what a console showed, this many bytes tell where a client left it. */
const MOST_LEFT_BYTES = 65_536;
/** The last bytes that clients had of a console. A terminal keeps for the next one what came while nobody looked, and nothing else. */
const leftAt = new WeakMap<object, Buffer>();

/** What of a console's history no client has had. */
function unseen(history: Uint8Array, left: Buffer | undefined): Uint8Array {
  const at = left ? Buffer.from(history).indexOf(left) : -1;
  return at < 0 ? history : history.subarray(at + left!.length);
}

export const STREAMS: Table = {
  domain_open_console: procedure({
    changes: true,
    arguments: struct({ domain, device: maybeText, flags }),
    run: async ({ host, stream }, given) => {
      const found = await meant(host, given.domain);
      const id = activeId(found);
      if (id === 0) throw new LibvirtError('INTERNAL_ERROR', 'character device <null> is not using a PTY');
      if (given.device !== undefined && !CONSOLES.includes(given.device))
        throw new LibvirtError('INTERNAL_ERROR', `cannot find character device ${given.device}`);
      const { console: port } = await failing(() => host.consoles.view(id));
      const shownBy = host.domains.member(id).console;
      const open = consolesOf(host);
      if (open.has(id) && (given.flags & FORCE) === 0) {
        port.close();
        throw new LibvirtError('OPERATION_FAILED', 'Active console session exists for this domain');
      }
      open.get(id)?.();
      let finish = (): void => {};
      const close = (): void => {
        port.close();
        if (open.get(id) === hangUp) open.delete(id);
      };
      const hangUp = (): void => {
        close();
        finish();
      };
      open.set(id, hangUp);
      stream({
        begin: out => {
          finish = () => out.finish();
          // The first message has all that the console remembers.
          let left = leftAt.get(shownBy);
          let isFirst = true;
          port.onmessage = ({ data }: MessageEvent<ConsoleOutput>) => {
            if (!('serial' in data) || !data.serial) return;
            const bytes = isFirst ? unseen(data.serial, left) : data.serial;
            isFirst = false;
            left = Buffer.concat([left ?? Buffer.of(), bytes]).subarray(-MOST_LEFT_BYTES);
            leftAt.set(shownBy, left);
            if (bytes.length > 0) out.send(bytes);
          };
          // The domain is gone.
          port.addEventListener('close', hangUp, { once: true });
        },
        receive: bytes => port.postMessage({ serial: bytes } satisfies ConsoleInput),
        end: close,
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
