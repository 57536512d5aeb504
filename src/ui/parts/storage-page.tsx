/** The host's disk: its partitions, and the volumes that guests have. */

import type { DiskInfo, VolumeInfo } from '../../dom0/service/index.ts';
import { inventory, openState } from '../inventory.ts';
import { natural, ordered, orderOf } from '../order.ts';
import { askToPersist, elsewhere, persists, state } from '../shell-session.ts';
import { viewStrings } from '../view-strings.ts';
import { bytes } from '../terminal.ts';
import { gigabytes, size } from '../units.ts';
import { incoming, takeIn } from '../whole-state.ts';
import { Checkpoints } from './checkpoints.tsx';
import { StateNote } from './domain0-shell.tsx';
import { Icon, ownerClass, Tag } from './marks.tsx';
import { NewVolume } from './new-volume.tsx';
import { Pools, VolumeTools } from './pools.tsx';
import { type Share, SharesBar } from './shares-bar.tsx';
import { SortHead } from './sort-head.tsx';
import { WholeState } from './whole-state.tsx';

export { takeIn };

const words = viewStrings.hostPage;
const VOLUME = {
  path: ({ path }: VolumeInfo) => path,
  bytes: ({ bytes: all }: VolumeInfo) => all,
  users: ({ users: who }: VolumeInfo) => who[0],
};
const users = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : words.noOne);

function freeName(taken: readonly string[]): string {
  let n = 1;
  while (taken.includes(`volume${n}`)) n++;
  return `volume${n}`;
}

const sized = (name: string, owner: string, part: number): Share => ({
  key: name,
  owner,
  name,
  part,
  amount: size(part),
});

/** `volume`: the one that was chosen in the tree. */
export function StoragePage({ volume }: { volume: string | undefined }) {
  const disk = inventory.value?.stored?.disk;
  return (
    <div class="body stor">
      {incoming.value && <WholeState />}
      {!elsewhere.value && <StateNote />}
      {!disk ? (
        <p>
          {words.notOpen}{' '}
          <button class="btn sm" onClick={openState}>
            {words.open}
          </button>
        </p>
      ) : (
        <>
          <Partitions disk={disk} />
          <Volumes disk={disk} chosen={volume} />
          <Pools chosen={disk.volumes.find(({ name }) => name === volume)?.path} />
        </>
      )}
      <Checkpoints />
      {!incoming.value && <WholeState />}
    </div>
  );
}

function Partitions({ disk }: { disk: DiskInfo }) {
  return (
    <section>
      <div class="ph">
        <h3>
          <Icon name="disk" /> {disk.path}
        </h3>
        <span class="sec">{words.diskFacts(gigabytes(disk.bytes), bytes(disk.storedBytes), state.value?.where)}</span>
      </div>
      {persists.value !== undefined && (
        <p class="row wrap" role="status">
          <Tag kind={persists.value ? 'used' : 'approximated'}>
            <span>{persists.value ? words.persists : words.mayGo}</span>
          </Tag>
          {!persists.value && (
            <button class="btn sm" onClick={() => void askToPersist()}>
              {words.askToPersist}
            </button>
          )}
        </p>
      )}
      <SharesBar
        kind="sizes"
        isHidden
        shares={disk.partitions.map(({ name, bytes: all, users: who }) =>
          sized(name, who.length > 0 ? 'c-d0' : 'c-free', all),
        )}
      />
      <div class="wide">
        <table class="pad">
          <thead>
            <tr>
              <th>{words.partition}</th>
              <th>{words.type}</th>
              <th class="num">{words.size}</th>
              <th>{words.usedBy}</th>
            </tr>
          </thead>
          <tbody>
            {disk.partitions.map(({ name, bytes: all, type, users: who }) => (
              <tr key={name}>
                <td class="m">{name}</td>
                <td>{words.types[type] ?? `0x${type.toString(16)}`}</td>
                <td class="num m">{size(all)}</td>
                <td class="sec">{users(who)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** `chosen`: in the tree. Those that hold a file are listed as that, in its pool. */
function Volumes({ disk, chosen }: { disk: DiskInfo; chosen: string | undefined }) {
  const volumes = disk.volumes.filter(({ path }) => path.startsWith('/dev/'));
  return (
    <section>
      <div class="ph">
        <h3>{words.volumes(disk.group)}</h3>
        <span class="sec">{words.groupFacts(size(disk.freeBytes), size(disk.groupBytes))}</span>
      </div>
      {volumes.length > 0 && (
        <SharesBar
          kind="sizes"
          isHidden
          shares={[
            ...volumes.map(({ name, bytes: all }, i) => sized(name, ownerClass(i + 1), all)),
            sized(words.free, 'c-free', disk.freeBytes),
          ]}
        />
      )}
      {volumes.length === 0 ? (
        <p class="sec">{words.noVolumes}</p>
      ) : (
        <div class="wide">
          <table class="pad vtab">
            <thead>
              <tr>
                <SortHead list="volumes" column="path">
                  {words.volume}
                </SortHead>
                <SortHead list="volumes" column="bytes" cls="num">
                  {words.size}
                </SortHead>
                <SortHead list="volumes" column="users">
                  {words.usedBy}
                </SortHead>
                <th />
              </tr>
            </thead>
            <tbody>
              {ordered(
                [...volumes].sort((a, b) => natural(a.path, b.path)),
                orderOf<keyof typeof VOLUME>('volumes'),
                VOLUME,
              ).map(({ name, path, bytes: all, users: who, snapshot }) => (
                <tr key={name} class={name === chosen ? 'sel' : ''}>
                  <td class="m">{path}</td>
                  <td class="num m">{size(all)}</td>
                  <td class="sec">{snapshot ? words.ofSnapshot(snapshot.name, snapshot.domain) : users(who)}</td>
                  <td class="num nw">
                    {!snapshot && (
                      <VolumeTools
                        pool={disk.group}
                        name={name}
                        bytes={all}
                        users={who.map(user => ({ name: user, runs: true }))}
                        taken={new Set(disk.volumes.map(each => each.name))}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <NewVolume suggested={freeName(disk.volumes.map(({ name }) => name))} />
    </section>
  );
}
