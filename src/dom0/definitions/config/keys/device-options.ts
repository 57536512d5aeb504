/** What is said of the options of devices that this host has not: loaded for a text that names one. Source: the parse_…() of each in tools/xl/xl_parse.c of Xen 4.17. */
import { type Judged, readOptions, unknown, wrong } from '../options.ts';
import type { Asked } from '../rule.ts';
import { shortened } from '../xlcfg.ts';

/** Of a key: what one is, the options of its text, and the values of those that have a closed set. */
interface DeviceOptions {
  what: string;
  names: string;
  words?: Record<string, string[]>;
  /** xl goes on without an option that it does not know. */
  isLenient?: true;
  /** What xl says of one that lacks an option (given: those that it has); undefined: none is missing. */
  missing?: (given: ReadonlyMap<string, string>) => string | undefined;
}
const OF: Record<string, DeviceOptions> = {
  usbctrl: {
    what: 'USB controller',
    names: 'type version ports',
    words: { type: ['auto', 'pv', 'devicemodel', 'qusb'] },
  },
  usbdev: { what: 'USB device', names: 'type hostbus hostaddr controller port', words: { type: ['hostdev'] } },
  vtpm: { what: 'vTPM', names: 'backend uuid' },
  p9: {
    what: '9P folder',
    names: 'backend tag path security_model type max-files max-open-files max-space auto-delete',
    missing: given =>
      ['tag', 'path', 'security_model'].every(name => given.has(name))
        ? undefined
        : '9pfs spec missing required field! Write tag=, path= and security_model=none.',
  },
  channel: {
    what: 'channel',
    names: 'backend name connection path',
    words: { connection: ['pty', 'socket'] },
    isLenient: true,
    missing: given =>
      given.get('connection') === 'socket' && !given.has('path')
        ? "channel connection 'socket' requires path=.."
        : undefined,
  },
  vkb: {
    what: 'keyboard',
    names:
      'backend backend-type unique-id feature-disable-keyboard feature-disable-pointer feature-abs-pointer feature-raw-pointer feature-multi-touch multi-touch-width multi-touch-height multi-touch-num-contacts width height',
    words: { 'backend-type': ['qemu', 'linux'] },
  },
  vdispl: { what: 'display', names: 'backend be-alloc connectors' },
};

/** Looks at the texts of a list; the result of all of it is reported elsewhere. */
export function judgeDeviceOptions({ key, value, tellOptions }: Asked, general: Judged): void {
  const { what, names, words = {}, isLenient, missing } = OF[key];
  const known = names.split(' ');
  for (const item of value.kind === 'list' ? value.items : []) {
    if (item.kind === 'list') continue;
    const given = new Map<string, string>();
    const remarks = readOptions(item.text, what, (name, text = '') => {
      given.set(name, text);
      if (!known.includes(name)) return unknown(name, what, known, !isLenient);
      const all = Object.hasOwn(words, name) ? words[name] : undefined;
      return !all || all.includes(text)
        ? general
        : wrong('no such value', `‘${shortened(text)}’ is no ${name}. Write ${all.join(' or ')}.`);
    });
    const lacks = missing?.(given);
    tellOptions(key, item, [
      ...remarks.filter(({ text }) => text !== general.text),
      ...(lacks === undefined ? [] : [{ name: '', offset: 0, ...wrong('lacks an option', lacks) }]),
    ]);
  }
}
