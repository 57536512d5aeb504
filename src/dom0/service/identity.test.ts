import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../toolstack/commands/index.ts';
import { systemPrograms } from '../shell/system.ts';
import type { Surroundings } from '../toolstack/programs/index.ts';
import { virshProgram } from '../libvirt/virsh/index.ts';
import { xlProgram } from '../shell/xl.ts';
import type { Host } from './host.ts';
import { stillHost } from './host.test-support.ts';

const around = { stdin: '', directory: '/root' } as Surroundings;
const ALFA = { id: '0123456789abcdef0123456789abcdef', name: 'alfa' },
  BRAVO = { id: 'fedcba9876543210fedcba9876543210', name: 'bravo' };

async function names(host: Host): Promise<(string | undefined)[]> {
  const run = async (name: string, ...words: string[]): Promise<string> => {
    const program = [...systemPrograms(host), virshProgram(host), xlProgram('xl', host, COMMANDS)].find(
      each => each.name === name,
    )!;
    return (await program.run(words, around)).stdout;
  };
  return [
    (await run('hostname')).trim(),
    (await run('uname', '-n')).trim(),
    (await run('virsh', 'hostname')).trim(),
    /^host +: (.*)$/m.exec(await run('xl', 'info'))?.[1],
  ];
}

/** A card's address, as a host gives it to a guest whose definition names none. */
const drawn = (host: Host): string => host.toolstack.stations.draw();

describe('a host among others', () => {
  it('has the name of all lone hosts as long as it has joined none', async () => {
    expect(await names(stillHost())).toEqual(Array(4).fill('ringside'));
    expect([...stillHost().toolstack.services.network.mac]).toEqual([0, 0x1b, 0x21, 0, 0, 1]);
  });

  it('tells its own name wherever somebody asks', async () => {
    expect(await names(stillHost({ identity: ALFA }))).toEqual(Array(4).fill('alfa'));
    const later = stillHost();
    later.toolstack.become(BRAVO);
    expect(await names(later)).toEqual(Array(4).fill('bravo'));
  });

  it('gives its card and its guests other addresses than another host of the same seed', async () => {
    const [one, same, two] = [ALFA, ALFA, BRAVO].map(identity => stillHost({ identity, seed: 7 })) as [
      Host,
      Host,
      Host,
    ];
    expect(drawn(one)).toBe(drawn(same));
    expect(drawn(two)).not.toBe(drawn(same));
    expect(two.toolstack.services.network.mac).not.toEqual(one.toolstack.services.network.mac);
    expect([...two.toolstack.services.network.mac.subarray(0, 3)]).toEqual([0, 0x1b, 0x21]);
  });
});
