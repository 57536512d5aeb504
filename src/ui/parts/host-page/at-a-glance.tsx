/** The owners of the machine's memory, its processors, its disk and its bridge, each at a glance with a way to the page about it. */

import { hostSystemName } from '../../hypervisors/of-host.ts';
import { domains, info } from '../../host.ts';
import { hostPart, inventory, partOf } from '../../inventory.ts';
import { ownsMemory } from '../../readings.ts';
import { sessions } from '../../sessions.ts';
import { go } from '../../navigation.ts';
import { strings } from '../../strings.ts';
import { viewStrings } from '../../view-strings.ts';
import { bytes } from '../../terminal.ts';
import { gigabytes, size } from '../../units.ts';
import { Chip, ownerClass } from '../marks.tsx';
import { PcpuUse } from '../pcpu-use.tsx';
import { memoryShare, memoryShares, type Share, SharesBar } from '../shares-bar.tsx';

const words = viewStrings.hostPage;
/** Rows of a short table. */
const ROWS = 5,
  /** Who took less of the processors, in percent, did not ask for them. */
  ASKED = 5;

export function MachineMemory() {
  const machine = info.value;
  if (!machine) return null;
  const free = machine.freeMiB > 0 ? [memoryShare('c-free', strings.free, machine.freeMiB)] : [];
  return (
    <section class="hs-m">
      <div class="ph">
        <h3>{words.memory}</h3>
        <span class="sec">{words.memoryCaption(machine.memoryMiB)}</span>
      </div>
      <SharesBar shares={[...memoryShares(machine), ...free]} />
    </section>
  );
}

const diskShare = (key: string, name: string, part: number, owner: string): Share => ({
  key,
  owner,
  name,
  part,
  title: `${key}: ${size(part)}`,
});

const Go = ({ tab, children }: { tab: string; children: string }) => (
  <button class="link" onClick={() => go({ kind: 'home', tab })}>
    {children}
  </button>
);

/** Who had the processors at the last reading: what the rows above and the tree say, too. */
export function Processors() {
  const pcpus = info.value?.pcpus ?? 1;
  if (hostPart.value === undefined) return null;
  const shares = [{ id: 0, name: hostSystemName() }, ...domains.value.filter(ownsMemory)]
    .map(({ id, name }) => ({ id, name, percent: 100 * (partOf(id) ?? 0) }))
    .sort((a, b) => b.percent - a.percent);
  const used = 100 * hostPart.value;
  return (
    <section>
      <div class="ph">
        <h3>{words.processors}</h3>
        <span class="sec">{words.used(used, pcpus)}</span>
        <span class="grow" />
        <Go tab="inspect">{words.inspect}</Go>
      </div>
      <PcpuUse
        otherwise={
          <>
            <div
              class="bar tall"
              role="img"
              aria-label={shares.map(({ name, percent }) => `${name} ${percent.toFixed(0)} %`).join(', ')}
            >
              {shares.map(({ id, percent }) => (
                <i key={id} class={ownerClass(id)} style={`width:${percent / pcpus}%`} />
              ))}
            </div>
            <table>
              <tbody>
                {shares
                  .filter(({ percent }) => percent >= ASKED)
                  .slice(0, 4)
                  .map(({ id, name, percent }) => (
                    <tr key={id}>
                      <td class="nw">
                        <Chip id={id} /> {name}
                      </td>
                      <td class="wb-c">
                        <div class="bar">
                          <i class={ownerClass(id)} style={`width:${Math.min(100, percent)}%`} />
                        </div>
                      </td>
                      <td class="num m nw">{Math.round(percent)} %</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </>
        }
      />
      <Why used={used} pcpus={pcpus} shares={shares} />
    </section>
  );
}

/** What made the processors as busy as they were: who asked for one, how long those waited, and that a domain has one at most. */
function Why({
  used,
  pcpus,
  shares,
}: {
  used: number;
  pcpus: number;
  shares: readonly { id: number; name: string; percent: number }[];
}) {
  const asked = shares.filter(({ percent }) => percent >= ASKED);
  const waited = asked
    .map(({ id }) => sessions.value.get(id)?.rates.value?.runnable ?? 0)
    .reduce((sum, each) => sum + 100 * each, 0);
  return (
    <p class="why">
      <b>{words.whyUsed(used, pcpus)}</b>{' '}
      {words.whyUsedAnswer(
        asked.map(({ name }) => name),
        shares.length - asked.length,
        waited / Math.max(1, asked.length),
        ASKED,
      )}
    </p>
  );
}

/** The disk's partitions and volumes, in the order of the rows below: to scale next to each other, and what is free of the volumes' group. */
export function Volumes() {
  const disk = inventory.value?.stored?.disk;
  if (!disk) return null;
  const ownerOf = (users: readonly string[]): string => {
    const guest = domains.value.find(({ name }) => users.includes(name));
    return guest ? ownerClass(guest.id) : users.includes(hostSystemName()) ? 'c-d0' : 'c-hw';
  };
  const lvm = disk.partitions.find(({ bytes: all }) => all >= disk.groupBytes && disk.groupBytes > 0)?.name;
  const parts = [
    ...disk.volumes.map(({ path, ...rest }) => ({ ...rest, name: path, short: path.split('/').at(-1)! })),
    ...disk.partitions.filter(({ name }) => name !== lvm).map(each => ({ ...each, short: each.name })),
  ].map(each => ({ ...each, owner: ownerOf(each.users) }));
  const shown = parts.slice(0, ROWS);
  return (
    <section>
      <div class="ph">
        <h3>{words.storage}</h3>
        <span class="sec cut">{words.groupRest(gigabytes(disk.bytes), disk.group, size(disk.freeBytes))}</span>
        <span class="grow" />
        <Go tab="storage">{words.allVolumes}</Go>
      </div>
      <SharesBar
        kind="dmap"
        label={shown.map(each => `${each.short} ${size(each.bytes)}`).join(', ')}
        shares={[
          ...shown.map(({ name, short, bytes: all, owner }) => diskShare(name, short, all, owner)),
          diskShare(strings.free, strings.free, disk.freeBytes, 'c-free'),
        ]}
      />
      <table>
        <thead>
          <tr>
            <th>{words.volume}</th>
            <th class="num">{words.size}</th>
            <th>{words.usedBy}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, bytes: all, users, owner }) => (
            <tr key={name}>
              <td class="m cut">
                <i class={`chip ${owner}`} /> {name}
              </td>
              <td class="num m nw">{size(all)}</td>
              <td class="sec cut">{users.length > 0 ? users.join(', ') : words.noOne}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function BridgePorts() {
  const bridge = inventory.value?.bridge;
  if (!bridge) return null;
  const owner = (port: string): number => Number(/^vif(\d+)\./.exec(port)?.[1] ?? 0);
  return (
    <section>
      <div class="ph">
        <h3>{bridge.name}</h3>
        <span class="sec">{strings.tree.ports(bridge.ports.length)}</span>
        <span class="grow" />
        <Go tab="network">{words.network}</Go>
      </div>
      <table>
        <thead>
          <tr>
            <th>{words.port}</th>
            <th>{words.usedBy}</th>
            <th class="num">{words.received}</th>
            <th class="num">{words.transmitted}</th>
          </tr>
        </thead>
        <tbody>
          {bridge.ports.slice(0, ROWS).map(({ name, rxBytes, txBytes }) => (
            <tr key={name}>
              <td class="m cut">{name}</td>
              <td class="cut">
                <Chip id={owner(name)} />{' '}
                {owner(name) === 0
                  ? hostSystemName()
                  : (domains.value.find(({ id }) => id === owner(name))?.name ?? owner(name))}
              </td>
              <td class="num m nw">{bytes(rxBytes)}</td>
              <td class="num m nw">{bytes(txBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="cap-t">{words.portsCaption}</p>
    </section>
  );
}
