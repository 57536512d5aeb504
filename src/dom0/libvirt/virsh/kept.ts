/** Commands that networks and pools share. Sources: tools/virsh-network.c and virsh-pool.c of libvirt 9. */
import type { CommandHost } from '../../toolstack/index.ts';
import type * as libvirt from '../index.ts';
import { needed, saying, type VirshCommand } from './virsh-command.ts';

interface Kind<Entry> {
  what: 'network' | 'pool';
  /** @throws LibvirtError */
  byName(host: CommandHost, name: string): Promise<Entry>;
  /** @throws LibvirtError */
  byUuid(host: CommandHost, uuid: string): Promise<Entry>;
  setAutostart(host: CommandHost, entry: Entry, on: boolean): Promise<unknown>;
  /** What virsh calls it when something is done with it; `word`: what somebody wrote. */
  called(word: string, entry: Entry): string;
}

export function keptCommands<Entry extends libvirt.NetworkEntry | libvirt.PoolEntry>(kind: Kind<Entry>) {
  const { what, byName, byUuid, setAutostart, called } = kind,
    What = what === 'pool' ? 'Pool' : 'Network';
  /** By its name, or else its UUID. @throws VirshError */
  const find = async (host: CommandHost, word: string | undefined): Promise<Entry> => {
    const name = needed(word, what);
    return saying(`failed to get ${what} '${name}'`, () =>
      byName(host, name).catch(error => byUuid(host, name).catch(() => Promise.reject(error))),
    );
  };
  return {
    find,
    /** A command that does something with one: `verb` tells what failed, `done` what was done. */
    deed: (
      name: string,
      about: string,
      { verb, done }: { verb: string; done: string },
      act: (host: CommandHost, entry: Entry) => Promise<unknown>,
    ): VirshCommand => ({
      usage: `${name} <${what}>`,
      about,
      run: async (host, [word]) => {
        const entry = await find(host, word),
          said = called(word!, entry);
        await saying(`Failed to ${verb} ${what} ${said}`, () => act(host, entry));
        return `${What} ${said} ${done}\n\n`;
      },
    }),
    autostart: (name: string): VirshCommand => ({
      usage: `${name} <${what}> [--disable]`,
      about: `autostart a ${what}`,
      run: async (host, [word], options) => {
        const entry = await find(host, word),
          said = called(word!, entry);
        const on = !options.has('disable'),
          mark = on ? 'mark' : 'unmark';
        await saying(`failed to ${mark} ${what} ${said} as autostarted`, () => setAutostart(host, entry, on));
        return `${What} ${said} ${mark}ed as autostarted\n\n`;
      },
    }),
  };
}
