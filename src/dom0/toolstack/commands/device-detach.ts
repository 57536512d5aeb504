/** Devices of guests that go while these run. */
import type { CommandHost, Guest } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import type { Pluggable } from '../devices/index.ts';
import { kindOfMember } from '../kinds/index.ts';
import { type Command, command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** What differs between `xl block-detach` and `xl network-detach`. */
interface Detaching {
  summary: string;
  usage: string;
  option: '-f, --force' | '--force';
  /** There is none of this name. */
  unknown(device: string): string;
  /** What libxl says under the reason. */
  failed: string;
}

/** Of the card that is called so: by its number, or by its address itself. */
const macOf = ({ blueprint: { definition } }: Guest, device: string): string | undefined =>
  device.includes(':') ? device : definition.cards[Number(device)]?.mac;

/** `xl NAME`: takes a device of this kind away, by its name or its number; what the guest wrote to a file goes with it. */
export const deviceDetach = (
  kind: Pluggable,
  name: 'block-detach' | 'network-detach',
  { summary, usage, option, unknown, failed }: Detaching,
): Command<[id: number, device: string, force?: boolean], void> =>
  command({
    summary,
    usage,
    options: [[option, 'Take it away whatever the guest does with it']],
    modifies: true,
    run: (host: CommandHost, id: number, device: string, force: boolean = false): Promise<void> => {
      const member = host.domains.living(id);
      return host.tasks.run(
        commandOf(name, member.name, kind === 'cards' ? { device, mac: macOf(member, device) } : { device }),
        async task => {
          const { toolstack } = host;
          const { plugging } = await kindOfMember(member).running();
          if (!plugging.has(toolstack, member, kind, device)) throw new Refusal(unknown(device));
          const isGone = await plugging.detach(toolstack, member, kind, device, { force }).catch((error: Error) => {
            throw new Refusal([error.message, ...toolstack.hypervisor.libxlSays([failed])].join('\n'));
          });
          if (isGone === undefined) return;
          task.message = isGone ? `The guest has let go of ${device}.` : `The guest was asked to let go of ${device}.`;
        },
        id,
      );
    },
    xl: async ({ host, words }, run) => {
      const { options, rest } = readWords(words, { flags: 'f', long: { force: 'f' } });
      atLeast(name, rest, 2);
      const id = findDomain(host, rest[0]);
      if (id === 0) throw new Refusal(unknown(rest[1]));
      await run(id, rest[1], options.has('f'));
      return '';
    },
  });
