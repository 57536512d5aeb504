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
  },
  channel: {
    what: 'channel',
    names: 'backend name connection path',
    words: { connection: ['pty', 'socket'] },
    isLenient: true,
  },
  vkb: {
    what: 'keyboard',
    names:
      'backend backend-type unique-id feature-disable-keyboard feature-disable-pointer feature-abs-pointer feature-raw-pointer feature-multi-touch multi-touch-width multi-touch-height multi-touch-num-contacts width height',
    words: { 'backend-type': ['qemu', 'linux'] },
  },
  vdispl: { what: 'display', names: 'backend be-alloc connectors' },
};

/** Looks at the texts of a list; what all of it comes to is told elsewhere. */
export function judgeDeviceOptions({ key, value, tellOptions }: Asked, general: Judged): void {
  const { what, names, words = {}, isLenient } = OF[key];
  const known = names.split(' ');
  for (const item of value.kind === 'list' ? value.items : []) {
    if (item.kind === 'list') continue;
    const remarks = readOptions(item.text, what, (name, text = '') => {
      if (!known.includes(name)) return unknown(name, what, known, !isLenient);
      const all = Object.hasOwn(words, name) ? words[name] : undefined;
      return !all || all.includes(text)
        ? general
        : wrong('no such value', `‘${shortened(text)}’ is no ${name}. Write ${all.join(' or ')}.`);
    });
    tellOptions(
      key,
      item,
      remarks.filter(({ text }) => text !== general.text),
    );
  }
}
