/** What a guest has, and what can be changed while it runs: processor, memory, disks, network cards. Each control shows the xl command that it is. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { GuestDrive, GuestFacts } from '../../dom0/service/index.ts';
import { asTask, host, info, reportProblem } from '../host.ts';
import { inventory, openState } from '../inventory.ts';
import type { DomainSession } from '../sessions.ts';
import { duration, strings } from '../strings.ts';
import { bytes } from '../terminal.ts';
import { ChooseFiles, Icon, Tag } from './marks.tsx';
import { NewVolume } from './new-volume.tsx';
import { Notes, TypedInput } from './typed.tsx';

const words = {
  up: 'Up',
  address: 'Address',
  noAddress: 'none is known: it has sent no ARP, and DHCP gave it none',
  sources: {
    arp: (port: string) => `${port}; it says so itself (ARP)`,
    lease: (port: string) => `${port}; DHCP gave it`,
  },
  copy: (address: string) => `Copy ${address}`,
  copied: 'copied',
  byHand: 'This browser does not copy; choose it by hand.',
  notes: 'Notes',
  notesHint: 'What it is, and who needs it',
  notesKept: 'Kept with its definition.',
  notesGo: 'It is not defined: the note goes when it does.',
  cpu: 'Processor',
  memory: 'Memory',
  disks: 'Disks',
  nics: 'Network cards',
  weight: 'weight',
  cap: 'cap',
  none: 'none',
  vcpus: 'vCPUs online',
  target: 'memory',
  now: 'now',
  mib: 'MiB',
  weightHint: 'Of processor time that several domains want, each gets its part by weight.',
  capHint: 'Per cent of one processor that it may use at most; 0: no limit.',
  fixed: 'The guest is a plain PC: its memory does not change while it runs.',
  memoryHint: (most: number) =>
    `Its balloon driver is asked to come to so much, of at most ${most} MiB; the guest decides how fast.`,
  oneVcpu: 'It has one vCPU, and no more in its definition.',
  vcpusHint: (most: number) => `Of the ${most} of its definition; the guest takes them on and off.`,
  fixedVcpus: 'A PC’s processors cannot be taken on and off here.',
  share: (part: string) => `It ran ${part} of the last second.`,
  range: (what: string, asked: number, is: number, least: number, most: number) =>
    `${asked} is no ${what} that it can have, which stays ${is}. Write a whole number from ${least} to ${most}.`,
  device: 'Device',
  holds: 'What is in it',
  how: 'Seen as',
  moved: 'Read, written',
  empty: 'empty',
  emulated: 'IDE drive',
  floppy: 'floppy drive',
  pv: 'PV disk',
  both: 'IDE drive, PV disk after unplug',
  readOnly: 'read-only',
  noDisks: 'It has no disks.',
  noCards: 'It has no network card with PV drivers.',
  detach: 'Detach',
  eject: 'Eject',
  insert: 'Insert',
  attachDisk: 'Attach a disk',
  volume: 'Volume or file',
  as: 'as',
  file: 'A file of yours',
  attach: 'Attach',
  attachCard: 'Attach a network card',
  openDisk: 'Look at the host’s disk',
  card: 'Card',
  mac: 'MAC address',
  state: 'State',
  sent: 'Sent',
  got: 'Received',
  plain: 'The guest is a plain PC, or has stopped: nothing can be attached to it.',
  gone: 'The domain no longer exists.',
  emulatedCard: (model: string) => `Beside these: an emulated ${model}.`,
};
const COPIED_MS = 2000;
const LOOK_MS = 1000;
/** XenbusState, io/xenbus.h. */
const XENBUS = [
  'Unknown',
  'Initialising',
  'InitWait',
  'Initialised',
  'Connected',
  'Closing',
  'Closed',
  'Reconfiguring',
  'Reconfigured',
];

export function GuestOverview({ session }: { session: DomainSession }) {
  const facts = useSignal<GuestFacts | undefined>(undefined);
  const asked = useSignal(0);
  const over = session.over;
  useEffect(() => {
    let closed = false;
    const look = () => {
      if (!document.hidden)
        host.inspect('guest', session.id).then(
          seen => {
            if (!closed) facts.value = seen;
          },
          () => {
            if (!closed && session.gone.peek()) facts.value = undefined;
          },
        );
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      closed = true;
      clearInterval(timer);
    };
  }, [session, asked.value]);
  const seen = facts.value;
  if (session.gone.value)
    return (
      <div class="body">
        <p class="hint">{words.gone}</p>
      </div>
    );
  if (!seen) return <div class="body" />;
  const { name } = session.info.value,
    { id } = session;
  const act: Act = (command, work) =>
    void asTask(command, work).then(() => {
      asked.value++;
    });
  const part = session.rates.value?.running;
  return (
    <div class="body gov">
      <section class="about">
        <dl class="kv">
          <dt>{words.up}</dt>
          <dd>{over ? strings.tree.noData : duration(seen.upSeconds)}</dd>
          <dt>{words.address}</dt>
          <dd>
            {seen.addresses.length === 0 ? (
              <span class="sec">{words.noAddress}</span>
            ) : (
              seen.addresses.map(({ port, address, source }) => (
                <Address key={port} address={address} from={words.sources[source](port)} />
              ))
            )}
          </dd>
        </dl>
        <div class="fld">
          <label for="guest-notes">{words.notes}</label>
          <Notes
            id="guest-notes"
            placeholder={words.notesHint}
            value={seen.description}
            commit={text => act(`virsh desc ${name}`, () => host.setDescription(name, text))}
          />
          <span class="cap-t">
            {seen.isDefined ? words.notesKept : words.notesGo} <code>virsh desc {name} '…'</code>
          </span>
        </div>
      </section>
      <section>
        <div class="ph">
          <h3>{words.cpu}</h3>
          <span class="sec">{part !== undefined && !over && words.share(`${Math.round(100 * part)} %`)}</span>
        </div>
        <Live
          label={words.weight}
          value={seen.weight}
          least={1}
          most={1024}
          top={65535}
          command={to => `xl sched-credit -d ${name} -w ${to}`}
          run={to => host['sched-credit']({ domain: id, weight: to })}
          act={act}
          off={over}
          hint={words.weightHint}
        />
        <Live
          label={words.cap}
          value={seen.cap}
          least={0}
          most={100 * seen.vcpus.most}
          command={to => `xl sched-credit -d ${name} -c ${to}`}
          run={to => host['sched-credit']({ domain: id, cap: to })}
          act={act}
          off={over}
          unit="%"
          zero={words.none}
          hint={words.capHint}
        />
        <Live
          label={words.vcpus}
          value={seen.vcpus.online}
          least={1}
          most={seen.vcpus.most}
          command={to => `xl vcpu-set ${name} ${to}`}
          run={to => host['vcpu-set'](id, to)}
          act={act}
          off={over || !seen.vcpus.canChange || seen.vcpus.most === 1}
          hint={
            !seen.vcpus.canChange
              ? words.fixedVcpus
              : seen.vcpus.most === 1
                ? words.oneVcpu
                : words.vcpusHint(seen.vcpus.most)
          }
        />
      </section>
      <section>
        <div class="ph">
          <h3>{words.memory}</h3>
        </div>
        <Live
          label={words.target}
          value={seen.memoryMiB}
          least={1}
          most={seen.mostMiB ?? seen.memoryMiB}
          command={to => `xl mem-set ${name} ${to}`}
          run={to => host['mem-set'](id, to)}
          act={act}
          off={over || seen.mostMiB === undefined}
          unit={words.mib}
          hint={seen.mostMiB === undefined ? words.fixed : words.memoryHint(seen.mostMiB)}
        />
      </section>
      <section>
        <div class="ph">
          <h3>{words.disks}</h3>
        </div>
        {seen.drives.length === 0 ? (
          <p class="sec">{words.noDisks}</p>
        ) : (
          <div class="wide">
            <table class="pad">
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
                {seen.drives.map(drive => (
                  <DriveRow key={drive.vdev} drive={drive} name={name} id={id} act={act} off={over} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {seen.hasPv && !over ? (
          <AttachDisk name={name} id={id} act={act} taken={seen.drives.map(({ vdev }) => vdev)} />
        ) : (
          <p class="cap-t">{words.plain}</p>
        )}
      </section>
      <section>
        <div class="ph">
          <h3>{words.nics}</h3>
        </div>
        {seen.cards.length === 0 ? (
          <p class="sec">{words.noCards}</p>
        ) : (
          <div class="wide">
            <table class="pad">
              <thead>
                <tr>
                  <th>{words.card}</th>
                  <th>{words.mac}</th>
                  <th>{words.state}</th>
                  <th class="num">{words.sent}</th>
                  <th class="num">{words.got}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {seen.cards.map(({ devid, mac, state, rxBytes, txBytes }) => (
                  <tr key={devid}>
                    <td class="m">
                      vif{id}.{devid}
                    </td>
                    <td class="m">{mac}</td>
                    <td class="nw">
                      {state} {XENBUS[state]}
                    </td>
                    <td class="num m">{bytes(rxBytes)}</td>
                    <td class="num m">{bytes(txBytes)}</td>
                    <td class="num">
                      <Do
                        disabled={over}
                        command={`xl network-detach ${name} ${devid}`}
                        onClick={() =>
                          act(`xl network-detach ${name} ${devid}`, () => host['network-detach'](id, String(devid)))
                        }
                      >
                        {words.detach}
                      </Do>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {seen.nic && <p class="cap-t">{words.emulatedCard(seen.nic)}</p>}
        {seen.hasPv && !over && (
          <div class="row wrap attach">
            <Do
              command={`xl network-attach ${name}`}
              onClick={() => act(`xl network-attach ${name}`, () => host['network-attach'](id))}
            >
              <Icon name="plus" />
              {words.attachCard}
            </Do>
            <code class="dim">xl network-attach {name}</code>
          </div>
        )}
      </section>
    </div>
  );
}

/** An address, with a button that copies it. */
function Address({ address, from }: { address: string; from: string }) {
  const said = useSignal('');
  const copy = async (): Promise<void> => {
    const isCopied = await Promise.resolve(navigator.clipboard?.writeText(address).then(() => true)).catch(() => false);
    said.value = isCopied ? words.copied : words.byHand;
    setTimeout(() => {
      said.value = '';
    }, COPIED_MS);
  };
  return (
    <span class="row wrap">
      <code class="m">{address}</code>
      <button
        class="btn quiet icon sm"
        aria-label={words.copy(address)}
        title={words.copy(address)}
        onClick={() => void copy()}
      >
        <Icon name="copy" />
      </button>
      <span class="sec">{from}</span>
      <span class="sec" role="status">
        {said.value}
      </span>
    </span>
  );
}

type Act = (command: string, work: () => Promise<unknown>) => void;

const Do = ({
  command,
  disabled,
  onClick,
  children,
}: {
  command: string;
  disabled?: boolean;
  onClick(): void;
  children: ComponentChildren;
}) => (
  <button
    class="btn sm"
    title={command}
    aria-label={typeof children === 'string' ? `${children}: ${command}` : undefined}
    disabled={disabled}
    onClick={onClick}
  >
    {children}
  </button>
);

interface LiveProps {
  label: string;
  value: number;
  least: number;
  most: number;
  /** What the field takes, where that is more. */
  top?: number;
  unit?: string;
  /** What 0 is called. */
  zero?: string;
  hint: string;
  off: boolean;
  command(to: number): string;
  run(to: number): Promise<unknown>;
  act: Act;
}

/** A slider with a field beside it: it follows what is so, and does its command when it is let go. */
function Live({ label, value, least, most, top = most, unit, zero, hint, off, command, run, act }: LiveProps) {
  const draft = useSignal<number | undefined>(undefined);
  const refused = useSignal<string | undefined>(undefined);
  const at = draft.value ?? value;
  const done = (to: number) => {
    draft.value = refused.value = undefined;
    if (to === value) return;
    if (Number.isInteger(to) && to >= least && to <= top) return act(command(to), () => run(to));
    refused.value = words.range(label, to, value, least, top);
    reportProblem(command(to), refused.value);
  };
  const id = `live-${label.replace(/\W/g, '')}`;
  return (
    <div class="live">
      <label for={id}>{label}</label>
      <input
        type="range"
        id={id}
        min={least}
        max={most}
        step={1}
        value={Math.min(most, at)}
        disabled={off}
        aria-valuetext={at === 0 && zero ? zero : `${at}${unit ? ` ${unit}` : ''}`}
        style={`--part:${most > least ? (100 * (Math.min(most, at) - least)) / (most - least) : 0}%`}
        onInput={event => {
          draft.value = Number(event.currentTarget.value);
        }}
        onChange={event => done(Number(event.currentTarget.value))}
      />
      <TypedInput
        type="number"
        class="in"
        aria-label={label}
        min={least}
        max={top}
        value={at}
        disabled={off}
        commit={written => done(written === '' ? value : Number(written))}
      />
      <span class="unit">{at === 0 && zero ? zero : unit}</span>
      {refused.value ? (
        <span class="cap-t stop" role="alert">
          <Tag kind="failed">
            <span>{refused.value}</span>
          </Tag>
        </span>
      ) : (
        <span class="cap-t">
          {hint} {!off && <code>{command(at)}</code>}
        </span>
      )}
    </div>
  );
}

function DriveRow({
  drive,
  name,
  id,
  act,
  off,
}: {
  drive: GuestDrive;
  name: string;
  id: number;
  act: Act;
  off: boolean;
}) {
  const { vdev, kind, target, isEmulated, pv, readOnly } = drive;
  const insert = (files: File[]) => {
    if (files[0])
      act(`xl cd-insert ${name} ${vdev} ${files[0].name}`, () =>
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
      <td class="m brk">{target || <span class="dim">{words.empty}</span>}</td>
      <td>
        {isEmulated ? (kind === 'floppy' ? words.floppy : pv ? words.both : words.emulated) : words.pv}
        {readOnly && `, ${words.readOnly}`}
        {pv && <span class="sec"> {XENBUS[pv.state]}</span>}
      </td>
      <td class="num m nw">
        {pv ? `${bytes(512 * pv.readSectors)}, ${bytes(512 * pv.writtenSectors)}` : strings.tree.noData}
      </td>
      <td class="num nw">
        {kind !== 'disk'
          ? !off && (
              <>
                <ChooseFiles small onFiles={insert}>
                  {words.insert}
                </ChooseFiles>{' '}
                {target && (
                  <Do
                    command={`xl cd-eject ${name} ${vdev}`}
                    onClick={() => act(`xl cd-eject ${name} ${vdev}`, () => host['cd-eject'](id, vdev))}
                  >
                    {words.eject}
                  </Do>
                )}
              </>
            )
          : pv && (
              <Do
                disabled={off}
                command={`xl block-detach ${name} ${vdev}`}
                onClick={() => act(`xl block-detach ${name} ${vdev}`, () => host['block-detach'](id, vdev))}
              >
                {words.detach}
              </Do>
            )}
      </td>
    </tr>
  );
}

/** A volume of the host, or a file of the visitor's. */
function AttachDisk({ name, id, act, taken }: { name: string; id: number; act: Act; taken: readonly string[] }) {
  const free = [...'abcdefghijklmnop'].map(letter => `xvd${letter}`).find(vdev => !taken.includes(vdev)) ?? 'xvdq';
  const vdev = useSignal(''),
    chosen = useSignal('');
  const disk = inventory.value?.stored?.disk;
  const volumes =
    disk?.volumes.filter(({ users, snapshot }) => users.length === 0 && !snapshot).map(({ path }) => path) ?? [];
  const target = volumes.includes(chosen.value) ? chosen.value : (volumes[0] ?? '');
  const as = vdev.value.trim() || free;
  const spec = (path: string) => `${path},${/\.qcow2$/i.test(path) ? 'qcow2' : 'raw'},${as},w`;
  const attach = (path: string, file?: File) => {
    vdev.value = '';
    act(`xl block-attach ${name} ${spec(path)}`, () =>
      host['block-attach'](id, spec(path), file && { name: path, data: file }),
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
          <Do command={`xl block-attach ${name} ${spec(target)}`} onClick={() => attach(target)}>
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
          <code>
            xl block-attach {name} {spec(target)}
          </code>
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
