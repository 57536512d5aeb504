/** A domain's screen: in the page its window comes up; where the host is a process, clients of VNC find it at a port; else what it shows is printed. */
import { SCREEN } from '../../../hypervisor/layout/index.ts';
import type { Listening } from '../../host/nbd/index.ts';
import type { CommandHost, Guest, Uses } from '../command-host.ts';
import { hasScreen } from '../running-domain.ts';
import { askedPort } from './asked-port.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** Where screens are served, as long as their domain is there. */
const served = new WeakMap<Guest, Promise<Listening>>();

/** The port where clients of VNC find a screen on 127.0.0.1; undefined: nobody can connect to this host. */
export async function screenPort(host: Uses<'consoles' | 'toolstack'>, member: Guest): Promise<number | undefined> {
  const { serveScreen } = host.consoles;
  let listening = served.get(member);
  if (!listening && serveScreen) {
    listening = askedPort(member.blueprint).then(asked => serveScreen(host.toolstack, member, asked));
    served.set(member, listening);
    // A second call tries it again.
    listening.then(
      each => member.whenOver.add(() => each.close()),
      () => served.delete(member),
    );
  }
  return (await listening)?.port;
}

export const vncviewer = command({
  summary: "Attach to domain's VNC server.",
  usage: '[options] <Domain>',
  options: [['-a, --autopass', 'Pass VNC password to viewer via stdin: no viewer starts here']],
  /** A sentence about where it is. */
  run: async (host: Uses<'consoles' | 'domains' | 'machine' | 'toolstack'>, id: number): Promise<string> => {
    const member = host.domains.living(id),
      { name, record, blueprint } = member;
    if (!hasScreen(blueprint))
      throw new Refusal(`${name} has no screen: give it one with vfb = ['vnc=1'], and create it again.`);
    const port = await screenPort(host, member);
    if (port !== undefined) {
      const asks = blueprint.definition.vncPassword === undefined ? 'without a password' : 'with its password';
      return `The screen of ${name} is at vnc://127.0.0.1:${port}, ${asks}: vncviewer 127.0.0.1::${port}`;
    }
    if (host.consoles.showScreen(id)) return `The screen of ${name} is in its window.`;
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
