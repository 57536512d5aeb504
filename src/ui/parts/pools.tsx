/** Volumes of libvirt's pools: what is in the host's folder of images (CDs, disks, kernels), files that are sent there, and what is done with a volume. */

import { useSignal } from '@preact/signals';
import type { PoolFacts } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { look } from '../inventory.ts';
import { askedName } from '../navigation.ts';
import { sentence } from '../sentence.ts';
import { size } from '../units.ts';
import { useAskedAsTasksEnd } from './asked.ts';
import { ChooseFiles, Icon, Problem } from './marks.tsx';
import { freeName } from './snapshot-tree.ts';

const words = {
  pool: (name: string) => `Pool ${name}`,
  upload: 'Upload files',
  empty: 'It is empty. A CD or disk that you upload here has a path, by which any guest’s drive can take it.',
  columns: { name: 'Volume', kind: 'Kind', size: 'Size', users: 'Used by' },
  kinds: { iso: 'CD image', img: 'disk image', qcow2: 'qcow2 disk', raw: 'disk image', gz: 'packed' } as Record<
    string,
    string
  >,
  other: 'file',
  noOne: 'no one',
  runs: 'runs',
  resize: 'Resize',
  resizeOf: (name: string) => `Resize ${name}`,
  newSize: 'New size, as 64M or 2G',
  resizeHint: 'It only grows here: what is new reads as zeros, and the guest finds it at its next start.',
  copy: 'Copy',
  copyOf: (name: string) => `Copy ${name}`,
  newName: 'Name of the copy',
  copyHint: 'All of its bytes, in the same pool.',
  remove: 'Delete',
  removeOf: (name: string) => `Delete ${name}`,
  removeNow: 'Delete now: what is on it is lost',
  keep: 'Keep',
  named: (names: string) => `${names} would miss it.`,
  isUsed: (names: string) => `${names} has it open: stop it, or detach the disk, first.`,
  sending: (name: string) => `${name} is sent …`,
  sent: (name: string) => `${name} is there.`,
  size: (text: string) => `‘${text}’ is no size. Write a number with k, M, G or T, for example 64M.`,
};

const SCALES: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size as virsh takes it. @throws Error with a sentence */
export function bytesIn(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) throw new Error(words.size(text));
  return Math.round(Number(match[1]) * SCALES[match[2]!.toLowerCase()]!);
}

interface Volume {
  pool: string;
  name: string;
  bytes: number;
  users: readonly { name: string; runs: boolean }[];
  /** Names that the pool has. */
  taken: ReadonlySet<string>;
}

/** What can be done with a volume. Each names the command that it is. */
export function VolumeTools({ pool, name, bytes, users, taken }: Volume) {
  const sure = useSignal(false),
    problem = useSignal('');
  const open = users.filter(({ runs }) => runs).map(user => user.name),
    removes = `virsh vol-delete ${name} --pool ${pool}`;
  const resize = (): void => {
    askedName.value = {
      title: words.resizeOf(name),
      label: words.newSize,
      hint: words.resizeHint,
      act: words.resize,
      value: `${Math.max(1, Math.round((2 * bytes) / 2 ** 20))}M`,
      command: to => `virsh vol-resize ${name} ${to} --pool ${pool}`,
      run: async to => {
        await host.manage('resizeVolume', pool, name, bytesIn(to));
        await look();
      },
    };
  };
  const copy = (): void => {
    const [, base = name, ending = ''] = /^(.+?)(\.\w+)?$/.exec(name) ?? [];
    const free = freeName(`${base}-copy`, new Set([...taken].map(each => each.replace(/\.\w+$/, ''))));
    askedName.value = {
      title: words.copyOf(name),
      label: words.newName,
      hint: words.copyHint,
      act: words.copy,
      value: `${free}${ending}`,
      command: to => `virsh vol-clone ${name} ${to} --pool ${pool}`,
      run: async to => {
        await host.manage('copyVolume', pool, name, to);
        await look();
      },
    };
  };
  const remove = (): void => {
    problem.value = '';
    host.manage('deleteVolume', pool, name).then(look, error => {
      problem.value = sentence(error);
    });
  };
  if (problem.value) return <Problem>{problem.value}</Problem>;
  if (sure.value)
    return (
      <Sure
        users={users}
        command={removes}
        remove={remove}
        keep={() => {
          sure.value = false;
        }}
      />
    );
  return (
    <>
      <button class="btn quiet sm" aria-label={words.resizeOf(name)} onClick={resize}>
        {words.resize}
      </button>
      <button class="btn quiet sm" aria-label={words.copyOf(name)} onClick={copy}>
        {words.copy}
      </button>
      <button
        class="btn quiet sm"
        aria-label={words.removeOf(name)}
        title={open.length > 0 ? words.isUsed(open.join(', ')) : removes}
        disabled={open.length > 0}
        onClick={() => {
          sure.value = true;
        }}
      >
        {words.remove}
      </button>
    </>
  );
}

/** Before a volume goes: who would miss it. */
const Sure = ({
  users,
  command,
  remove,
  keep,
}: Pick<Volume, 'users'> & { command: string; remove(): void; keep(): void }) => (
  <span class="row wrap">
    {users.length > 0 && <span class="say">{words.named(users.map(user => user.name).join(', '))}</span>}
    <button class="btn sm" title={command} onClick={remove}>
      {words.removeNow}
    </button>
    <button class="btn quiet sm" onClick={keep}>
      {words.keep}
    </button>
  </span>
);

/** Pools that are folders: the host's images, and what clients of libvirt have defined. `chosen`: the path of a volume, in the tree. */
export function Pools({ chosen }: { chosen?: string | undefined }) {
  const pools = useSignal<readonly PoolFacts[]>([]),
    problem = useSignal('');
  useAskedAsTasksEnd(
    [],
    () => host.consult('pools'),
    seen => {
      pools.value = seen;
    },
    problem,
  );
  return (
    <>
      {problem.value && <Problem>{problem.value}</Problem>}
      {pools.value
        .filter(({ type }) => type === 'dir')
        .map(pool => (
          <PoolSection key={pool.name} pool={pool} chosen={chosen} />
        ))}
    </>
  );
}

function PoolSection({ pool, chosen }: { pool: PoolFacts; chosen: string | undefined }) {
  const said = useSignal(''),
    problem = useSignal('');
  const send = async (files: readonly File[]): Promise<void> => {
    problem.value = '';
    try {
      for (const file of files) {
        said.value = words.sending(file.name);
        await host.manage('uploadVolume', pool.name, file.name, file);
        said.value = words.sent(file.name);
      }
      await look();
    } catch (error) {
      said.value = '';
      problem.value = sentence(error);
    }
  };
  const taken = new Set(pool.volumes.map(({ name }) => name));
  return (
    <section>
      <div class="ph">
        <h3>
          <Icon name="disk" /> {words.pool(pool.name)}
        </h3>
        <code class="sec">{pool.folder}</code>
        <span class="grow" />
        <ChooseFiles small onFiles={files => void send(files)}>
          {words.upload}
        </ChooseFiles>
      </div>
      {problem.value && <Problem>{problem.value}</Problem>}
      <p class="cap-t" role="status">
        {said.value}
      </p>
      {pool.volumes.length === 0 ? (
        <p class="sec">{words.empty}</p>
      ) : (
        <div class="wide">
          <table class="pad vtab">
            <thead>
              <tr>
                <th>{words.columns.name}</th>
                <th>{words.columns.kind}</th>
                <th class="num">{words.columns.size}</th>
                <th>{words.columns.users}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {pool.volumes.map(({ name, bytes, users }) => (
                <tr key={name} class={`${pool.folder}/${name}` === chosen ? 'sel' : ''}>
                  <td class="m">{name}</td>
                  <td>{words.kinds[/\.(\w+)$/.exec(name.toLowerCase())?.[1] ?? ''] ?? words.other}</td>
                  <td class="num m nw">{size(bytes)}</td>
                  <td class="sec">
                    {users.map(user => `${user.name}${user.runs ? ` (${words.runs})` : ''}`).join(', ') || words.noOne}
                  </td>
                  <td class="num nw">
                    <VolumeTools pool={pool.name} name={name} bytes={bytes} users={users} taken={taken} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
