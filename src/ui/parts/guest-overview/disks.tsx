/** A guest's drives: what is in them, how it sees them; disks that are attached and detached. */

import { commandOf } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import { useSignal } from '@preact/signals';
import type { GuestDrive, GuestFacts } from '../../../dom0/service/index.ts';
import { host, info } from '../../host.ts';
import { inventory, openState } from '../../inventory.ts';
import { strings } from '../../strings.ts';
import { bytes } from '../../terminal.ts';
import { XENBUS_STATES } from '../../xenbus-states.ts';
import { downloadImage } from '../../image-download.ts';
import { ChooseFiles } from '../marks.tsx';
import { NewVolume } from '../new-volume.tsx';
import { type Act, Do } from './controls.tsx';
import { words } from './words.ts';
import { spelled } from '../../hypervisors/spelled.ts';

/** Of which guest; `off`: it has stopped. */
interface Whose {
  name: string;
  id: number;
  act: Act;
  off: boolean;
}

export function Disks({
  drives,
  attaches,
  process,
  ...whose
}: Whose & Pick<GuestFacts, 'drives' | 'attaches' | 'process'>) {
  return (
    <section>
      <div class="ph">
        <h3>{words.disks}</h3>
      </div>
      {drives.length === 0 ? (
        <p class="sec">{words.noDisks}</p>
      ) : (
        <div class="wide">
          <table class="pad" tabIndex={0}>
            <thead>
              <tr>
                <th>{words.device}</th>
                <th>{words.holds}</th>
                <th>{words.how}</th>
                <th class="num">{words.moved}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {drives.map(drive => (
                <DriveRow key={drive.vdev} drive={drive} {...whose} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {attaches && !whose.off ? (
        <AttachDisk {...whose} taken={drives.map(({ vdev }) => vdev)} />
      ) : (
        <p class="cap-t">{process ? words.plainVirtio : words.plain}</p>
      )}
    </section>
  );
}

/** Of the names of drives those of virtio alone begin so. */
const emulatedAs = ({ vdev, kind, pv }: GuestDrive): string =>
  kind === 'floppy' ? words.floppy : vdev.startsWith('vd') ? words.virtio : pv ? words.both : words.emulated;

function DriveRow({ drive, name, id, act, off }: Whose & { drive: GuestDrive }) {
  const { vdev, kind, target, isEmulated, pv, counts, readOnly, image } = drive;
  const insert = (files: File[]) => {
    if (files[0])
      act(commandOf('cd-insert', name, { drive: vdev, media: [files[0].name] }), () =>
        host['cd-insert'](
          id,
          vdev,
          files.map(file => ({ name: file.name, data: file })),
        ),
      );
  };
  return (
    <tr>
      <td class="m b">{vdev}</td>
      <td class="brk">
        {target ? <span class="m">{target}</span> : <span class="dim">{words.empty}</span>}
        {image && <span class="cap-t"> {words.imageKept(image.isKept, image.changedBytes)}</span>}
      </td>
      <td>
        {isEmulated ? emulatedAs(drive) : words.pv}
        {readOnly && `, ${words.readOnly}`}
        {pv && <span class="sec"> {XENBUS_STATES[pv.state]}</span>}
      </td>
      <td class="num m nw">
        {counts ? `${bytes(512 * counts.readSectors)}, ${bytes(512 * counts.writtenSectors)}` : strings.tree.noData}
      </td>
      <td class="num nw">
        {image && (
          <>
            <Do command={`ringside image ${name} ${vdev}`} onClick={() => void downloadImage(id, name, vdev)}>
              {words.download}
            </Do>{' '}
          </>
        )}
        {kind !== 'disk'
          ? !off && (
              <>
                <ChooseFiles small onFiles={insert}>
                  {words.insert}
                </ChooseFiles>{' '}
                {target && (
                  <Do
                    command={commandOf('cd-eject', name, { drive: vdev })}
                    onClick={() => act(commandOf('cd-eject', name, { drive: vdev }), () => host['cd-eject'](id, vdev))}
                  >
                    {words.eject}
                  </Do>
                )}
              </>
            )
          : pv && (
              <Do
                disabled={off}
                command={commandOf('block-detach', name, { device: vdev })}
                onClick={() =>
                  act(commandOf('block-detach', name, { device: vdev }), () => host['block-detach'](id, vdev))
                }
              >
                {words.detach}
              </Do>
            )}
      </td>
    </tr>
  );
}

/** A volume of the host, or a file of the visitor's. */
function AttachDisk({ name, id, act, taken }: Whose & { taken: readonly string[] }) {
  const free = [...'abcdefghijklmnop'].map(letter => `xvd${letter}`).find(vdev => !taken.includes(vdev)) ?? 'xvdq';
  const vdev = useSignal(''),
    chosen = useSignal('');
  const disk = inventory.value?.stored?.disk;
  const volumes =
    disk?.volumes.filter(({ users, snapshot }) => users.length === 0 && !snapshot).map(({ path }) => path) ?? [];
  const target = volumes.includes(chosen.value) ? chosen.value : (volumes[0] ?? '');
  const as = vdev.value.trim() || free;
  const formatOf = (path: string) => (/\.qcow2$/i.test(path) ? 'qcow2' : 'raw');
  const attaches = (path: string) =>
    commandOf('block-attach', name, { disk: { source: path, format: formatOf(path), target: as } });
  const attach = (path: string, file?: File) => {
    vdev.value = '';
    act(attaches(path), () =>
      host['block-attach'](id, `${path},${formatOf(path)},${as},w`, file && { name: path, data: file }),
    );
  };
  return (
    <div class="attach">
      <div class="row wrap">
        <b>{words.attachDisk}</b>
        {volumes.length > 0 && (
          <select
            class="btn sm"
            aria-label={words.volume}
            value={target}
            onChange={event => {
              chosen.value = event.currentTarget.value;
            }}
          >
            {volumes.map(path => (
              <option key={path}>{path}</option>
            ))}
          </select>
        )}
        <span class="sec">{words.as}</span>
        <input
          class="in vdev"
          aria-label={words.device}
          placeholder={free}
          value={vdev.value}
          onInput={event => {
            vdev.value = event.currentTarget.value;
          }}
        />
        {target && (
          <Do command={attaches(target)} onClick={() => attach(target)}>
            {words.attach}
          </Do>
        )}
        <ChooseFiles
          small
          onFiles={files => {
            if (files[0]) attach(files[0].name, files[0]);
          }}
        >
          {words.file}
        </ChooseFiles>
      </div>
      <div class="cap-t">
        {target ? (
          <code>{spelled(attaches(target))}</code>
        ) : disk ? (
          <NewVolume suggested={name} />
        ) : (
          info.value && (
            <button class="btn sm" onClick={openState}>
              {words.openDisk}
            </button>
          )
        )}
      </div>
    </div>
  );
}
