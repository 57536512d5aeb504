/** A domain's screen: in the page its window comes up; where there is no page, what it shows is told, and how to have a picture of it. */
import { SCREEN } from '../../../hypervisor/layout/index.ts';
import type { CommandHost } from '../command-host.ts';
import { hasScreen } from '../running-domain.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

export const vncviewer = command({
  summary: "Attach to domain's VNC server.",
  usage: '[options] <Domain>',
  options: [['-a, --autopass', 'Pass VNC password to viewer via stdin: there is no password here']],
  /** A sentence about where it is. */
  run: async (host: CommandHost, id: number): Promise<string> => {
    const { name, record, blueprint } = host.living(id);
    if (!hasScreen(blueprint))
      throw new Refusal(`${name} has no screen: give it one with vfb = ['vnc=1'], and create it again.`);
    if (host.showScreen(id)) return `The screen of ${name} is in its window.`;
    const [mode, width, height] = [SCREEN.MODE, SCREEN.WIDTH, SCREEN.HEIGHT].map(
      word => host.machine.words[(record.screenOffset >>> 2) + word],
    );
    const now = mode === 0 ? 'shows nothing yet' : `has ${width} × ${height} ${mode === 1 ? 'characters' : 'pixels'}`;
    return `The screen of ${name} ${now}. It can be seen where the host runs in a page; ‘ringside boot --screenshot F.png’ writes a picture of one.`;
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words, { flags: 'a', long: { autopass: 'a', 'vncviewer-autopass': 'a' } });
    atLeast('vncviewer', rest, 1);
    return `${await run(findDomain(host, rest[0]))}\n`;
  },
});

/** What `create -V` and `restore -V` add: where the screen of the domain is, or why there is none. The domain is there in any case. */
export const viewAfter = async (
  host: CommandHost,
  id: number,
  options: ReadonlyMap<string, string>,
): Promise<string> =>
  options.has('V') || options.has('A')
    ? `${await vncviewer.run(host, id).catch((error: Error) => error.message)}\n`
    : '';
