/** What is pressed at domains and seen of them, and devices that come and go. Source: tools/virsh-domain.c of libvirt 9. */
import { writeWhole } from '../../host/files/index.ts';
import type { CommandHost } from '../../toolstack/index.ts';
import { keyCode } from '../../toolstack/commands/index.ts';
import * as libvirt from '../index.ts';
import { callOf } from '../../toolstack/programs/index.ts';
import {
  definitionIn,
  exclusive,
  find,
  impactOn,
  needed,
  saying,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

/** Of display 0. */
const VNC_PORT = 5900;
/** virKeycodeSet by its names. */
const CODESETS = ['linux', 'xt', 'atset1', 'atset2', 'atset3', 'os_x', 'xt_kbd', 'usb', 'win32', 'qnum'];

/** A domain whose console can be opened. @throws VirshError */
export async function withConsole(host: CommandHost, word: string | undefined): ReturnType<typeof find> {
  const domain = await find(host, word);
  if (domain.id === undefined) throw new VirshError('error: The domain is not running');
  return domain;
}

type Change = (
  host: CommandHost,
  domain: Awaited<ReturnType<typeof find>>,
  xml: string,
  flags: number,
) => Promise<void>;
const device = (verb: 'attach' | 'detach' | 'update', done: string, act: Change): [string, VirshCommand] => [
  `${verb}-device`,
  {
    usage: `${verb}-device <domain> <file> [--config] [--live] [--current] [--persistent]`,
    about: `${verb} device from an XML file`,
    run: async (host, [word, ...rest], options, around) => {
      exclusive(options);
      const domain = await find(host, word);
      const { path, text } = await definitionIn(rest, around);
      await saying(`Failed to ${verb} device from ${path}`, () => act(host, domain, text, impactOn(domain, options)));
      return `Device ${done} successfully\n\n`;
    },
  },
];

/** One that runs. @throws VirshError in the words of both that look for its screen */
async function running(host: CommandHost, word: string | undefined): ReturnType<typeof find> {
  const domain = await find(host, word);
  if (domain.id === undefined) throw new VirshError('error: Domain is not running');
  return domain;
}

export const SCREENS: Record<string, VirshCommand> = {
  vncdisplay: {
    usage: 'vncdisplay <domain>',
    about: 'vnc display',
    run: async (host, [word]) => {
      const display = await libvirt.displayOf(host, await running(host, word));
      if (!display) throw new VirshError('error: Failed to get VNC port. Is this domain using VNC?');
      const { port, address = '' } = display;
      return `${address === '0.0.0.0' ? '' : address}:${port - VNC_PORT}\n\n`;
    },
  },
  domdisplay: {
    usage: 'domdisplay <domain> [--type <type>] [--include-password] [--all]',
    about: 'domain display connection URI',
    run: async (host, [word, type]) => {
      const domain = await running(host, word);
      const display = type === undefined || type === 'vnc' ? await libvirt.displayOf(host, domain) : undefined;
      if (!display)
        throw new VirshError(
          `error: ${type === undefined ? 'No graphical display found' : `No graphical display with type '${type}' found`}`,
        );
      const { port, address = '0.0.0.0' } = display;
      return `vnc://${address === '0.0.0.0' ? 'localhost' : address}:${port - VNC_PORT}\n\n`;
    },
  },
  console: {
    usage: 'console <domain> [--devname <devname>] [--force] [--safe]',
    about: 'connect to the guest console',
    run: async (host, [word]) => {
      await withConsole(host, word);
      throw new VirshError('error: Cannot run interactive console without a controlling TTY');
    },
  },
  ttyconsole: {
    usage: 'ttyconsole <domain>',
    about: 'tty console',
    // A console here is a window, and no terminal of Domain 0's.
    run: async (host, [word]) => {
      await find(host, word);
      throw new VirshError('');
    },
  },
  'send-key': {
    usage:
      'send-key <domain> <keycode> [<keycode2>] [<keycode3>] [<keycode4>] [--codeset <codeset>] [--holdtime <holdtime>]',
    about: 'Send keycodes to the guest',
    run: async (host, [word, ...rest]) => {
      const domain = await find(host, word);
      const [codeset = 'linux', holdtime = '0'] = rest.slice(4);
      const codes = rest.slice(0, 4).filter(code => code !== undefined);
      needed(codes[0], 'keycode');
      const set = CODESETS.indexOf(codeset);
      if (set < 0) throw new VirshError(`error: unknown codeset: '${codeset}'`);
      // Numbers of any set; names of Linux's (virKeycodeValueFromString()).
      const pressed = codes.map(code => {
        if (/^(0x[0-9a-f]+|\d+)$/i.test(code)) return Number(code);
        const key = codeset === 'linux' && code.startsWith('KEY_') ? keyCode(code) : undefined;
        if (key === undefined) throw new VirshError(`error: invalid keycode: '${code}'`);
        return key;
      });
      await libvirt.sendKeys(host, domain, { codeset: set, holdMs: Number(holdtime), codes: pressed });
      return '\n';
    },
  },
  screenshot: {
    usage: 'screenshot <domain> <file>',
    about: 'take a screenshot of a current domain console and store it into a file',
    run: async (host, [word, path], _options, around) => {
      const domain = await find(host, word);
      const file = needed(path, 'file');
      const picture = await saying(`could not take a screenshot of ${word}`, () => libvirt.screenshot(host, domain));
      await writeWhole(host.files.own!, callOf(host, [], around).absolute!(file), picture);
      return `Screenshot saved to ${file}, with type of ${libvirt.SCREENSHOT_TYPE}\n`;
    },
  },
  dump: {
    usage: 'dump <domain> <file> [--crash] [--live] [--memory-only]',
    about: 'dump the core of a domain to a file for analysis',
    run: async (host, [word, given], options, around) => {
      const domain = await find(host, word);
      const file = needed(given, 'file');
      const path = callOf(host, [], around).absolute!(file);
      const flags =
        (options.has('crash') ? 1 : 0) | (options.has('live') ? 2 : 0) | (options.has('memory-only') ? 16 : 0);
      await saying(`Failed to core dump domain '${domain.name}' to ${file}`, () =>
        libvirt.dumpCore(host, domain, path, flags),
      );
      return `\nDomain '${domain.name}' dumped to ${file}\n\n`;
    },
  },
  ...Object.fromEntries([
    device('attach', 'attached', libvirt.attachDevice),
    device('detach', 'detached', libvirt.detachDevice),
    device('update', 'updated', libvirt.updateDevice),
  ]),
};
