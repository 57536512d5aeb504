/** A page for each device of a domain. */

import { inForms } from '../../kinds/index.ts';
import { useSignal } from '@preact/signals';
import type {
  Definition,
  Device,
  Hardware,
  HardwareChange,
  NetworkFacts,
  OpenedDefinition,
} from '../../../dom0/service/index.ts';
import { Apply } from './apply.tsx';
import { Choice, Text, XmlField } from './fields.tsx';
import { impactsOf, nameOfDevice } from './shapes.ts';
import { words } from './words.ts';

/** What a domain of the host can have. */
export interface Choices extends Pick<OpenedDefinition['choices'], 'disks' | 'taken'> {
  networks: readonly Pick<NetworkFacts, 'name' | 'mode' | 'bridge' | 'isActive' | 'isOwn'>[];
}

export interface PageProps {
  hardware: Hardware;
  choices: Choices;
  done(): void;
}

type Disk = Definition['disks'][number];
/** What of a disk a form changes. */
export type DiskForm = Pick<Disk, 'target' | 'format' | 'vdev' | 'kind' | 'readOnly'>;
/** What of a card. */
export interface CardForm {
  mac: string;
  model: string;
  /** A network by its name, or a bridge behind BY_BRIDGE. */
  on: string;
}

const BY_BRIDGE = 'bridge ';
/** The host's own, which is both. */
export const OWN_NETWORK = 'xenbr0';

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const FORMATS = ['raw', 'qcow2', 'vhd'].map(format => [format, format] as const);
/** Drivers of a guest for the first card; the model of those behind it is netfront. */
const MODELS = ['e1000', 'pcnet', 'ne2k_pci', 'rtl8139'];

/** Fields of a disk. */
export function DiskFields({ value, put }: { value: DiskForm; put(changes: Partial<DiskForm>): void }) {
  return (
    <>
      <Text
        id="dev-source"
        label={words.source}
        hint={words.sourceHint}
        list="dev-disks"
        value={value.target}
        put={target => put({ target: target.trim() })}
      />
      <Choice
        id="dev-kind"
        label={words.device}
        value={value.kind}
        of={Object.entries(words.kindsOfDisk)}
        put={kind => put({ kind: kind as DiskForm['kind'], ...(kind === 'cdrom' ? { readOnly: true } : {}) })}
      />
      <Text
        id="dev-target"
        label={words.target}
        hint={words.targetHint}
        value={value.vdev}
        put={vdev => put({ vdev: vdev.trim() })}
      />
      <Choice
        id="dev-format"
        label={words.format}
        value={value.format}
        of={FORMATS.some(([format]) => format === value.format) ? FORMATS : [...FORMATS, [value.format, value.format]]}
        put={format => put({ format })}
      />
      <label class="auto">
        <input
          type="checkbox"
          checked={value.readOnly}
          disabled={value.kind === 'cdrom'}
          onChange={event => put({ readOnly: event.currentTarget.checked })}
        />
        {words.readOnly}
      </label>
    </>
  );
}

/** Fields of a card. `models`: emulated ones, next to the one for PV drivers. */
export function CardFields({
  value,
  models,
  networks,
  put,
}: {
  value: CardForm;
  networks: Choices['networks'];
  models: readonly (readonly [model: string, name: string])[];
  put(changes: Partial<CardForm>): void;
}) {
  return (
    <>
      <Text
        id="dev-mac"
        label={words.mac}
        hint={words.macHint}
        value={value.mac}
        put={mac => put({ mac: mac.trim().toLowerCase() })}
      />
      <Choice id="dev-model" label={words.model} value={value.model} of={models} put={model => put({ model })} />
      <Choice
        id="dev-network"
        label={words.network}
        value={value.on}
        of={namesOf(networks, value.on)}
        put={on => put({ on })}
      />
    </>
  );
}

/** Every network, and what a card is on, which may be none of them. */
function namesOf(networks: Choices['networks'], on: string): (readonly [string, string])[] {
  const all = networks.map(
    ({ name, mode, bridge, isActive, isOwn }) =>
      [name, words.networkOf(name, words.modes[mode], isOwn ? undefined : bridge, isActive)] as const,
  );
  if (all.some(([name]) => name === on)) return all;
  return [...all, [on, on.startsWith(BY_BRIDGE) ? words.bridgeOf(on.slice(BY_BRIDGE.length)) : on]];
}

/** Models that a card at a place may have. */
export function modelsFor({ now, next }: Hardware, place: number): (readonly [string, string])[] {
  const { model, pcCards } = inForms((next ?? now)!);
  const pv = [model, words.pvModels[model]] as const;
  return pcCards && place === 0 ? [pv, ...MODELS.map(model => [model, model] as const)] : [pv];
}

export const cardChange = (how: 'attach' | 'update', place: number, { mac, model, on }: CardForm): HardwareChange => ({
  of: 'card',
  how,
  place,
  card: {
    model,
    ...(mac ? { mac } : {}),
    ...(on === OWN_NETWORK
      ? { bridge: OWN_NETWORK }
      : on.startsWith(BY_BRIDGE)
        ? { bridge: on.slice(BY_BRIDGE.length) }
        : { network: on }),
  },
});

/** A disk, a drive, or what lies in it. */
function DiskPage({ hardware, device, disk, done }: PageProps & { device: Device; disk: Disk }) {
  const { target, format, vdev, kind, readOnly } = disk,
    is: DiskForm = { target, format, vdev, kind, readOnly };
  const draft = useSignal<DiskForm | undefined>(undefined),
    value = draft.value ?? is;
  const onlyMedium = kind === 'cdrom' && same({ ...value, target }, is);
  const { others } = disk;
  return (
    <>
      <DiskFields
        value={value}
        put={changes => {
          draft.value = { ...value, ...changes };
        }}
      />
      {!same(value, is) && (
        <Apply
          name={hardware.name}
          change={{ of: 'disk', how: 'update', vdev, disk: { ...value, ...(others ? { others } : {}) } }}
          impacts={impactsOf(hardware, onlyMedium && device.live.includes('update') && device.now !== undefined)}
          act={words.apply}
          done={done}
          cancel={() => {
            draft.value = undefined;
          }}
        />
      )}
    </>
  );
}

/** The card's place among those of the definition that is shown. */
function CardPage({ hardware, choices, place, is, done }: PageProps & { place: number; is: CardForm }) {
  const draft = useSignal<CardForm | undefined>(undefined),
    value = draft.value ?? is;
  const models = modelsFor(hardware, place);
  return (
    <>
      <CardFields
        value={value}
        models={models.some(([model]) => model === value.model) ? models : [...models, [value.model, value.model]]}
        networks={choices.networks}
        put={changes => {
          draft.value = { ...value, ...changes };
        }}
      />
      {!same(value, is) && hardware.path !== undefined && (
        <Apply
          name={hardware.name}
          change={cardChange('update', place, value)}
          impacts={['next']}
          act={words.apply}
          done={done}
          cancel={() => {
            draft.value = undefined;
          }}
        />
      )}
    </>
  );
}

type Card = Definition['cards'][number];

const networkOf = ({ network, bridge }: Card['options'] = {}): string =>
  network ?? (bridge === undefined || bridge === OWN_NETWORK ? OWN_NETWORK : BY_BRIDGE + bridge);

const formOf = ({ model, mac = '', options }: Card): CardForm => ({
  model: model ?? 'netfront',
  mac,
  on: networkOf(options),
});

/** What is shown of a device: as it is defined, where it is. */
export function DevicePage({ device, ...props }: PageProps & { device: Device }) {
  const { hardware } = props,
    shown = (device.next === undefined ? hardware.now : hardware.next)!;
  const vdev = device.name === 'disk' ? device.key.replace(/^disk /, '') : '';
  const disk = shown.disks.find(each => each.vdev.toLowerCase() === vdev);
  const cards = hardware.devices.filter(
    ({ name, next }) => name === 'interface' && (next === undefined) === (device.next === undefined),
  );
  const place = cards.indexOf(device),
    card = device.name === 'interface' ? shown.cards[place] : undefined;
  return (
    <>
      {disk ? (
        <DiskPage {...props} device={device} disk={disk} />
      ) : card ? (
        <CardPage {...props} place={place} is={formOf(card)} />
      ) : (
        <p>{words.about[device.name] ?? words.kept}</p>
      )}
      {device.canGo && <Remove {...props} device={device} change={removal(device, disk, place)} />}
    </>
  );
}

function removal(device: Device, disk: Disk | undefined, place: number): HardwareChange {
  if (disk) return { of: 'disk', how: 'detach', vdev: disk.vdev };
  if (device.name === 'interface') return { of: 'card', how: 'detach', place };
  if (device.name === 'graphics') return { of: 'screen', isThere: false };
  if (device.name === 'rng') return { of: 'rng', isThere: false };
  return { of: 'device', how: 'detach', xml: (device.next ?? device.now)! };
}

function Remove({ hardware, device, change, done }: PageProps & { device: Device; change: HardwareChange }) {
  const isAsked = useSignal(false);
  const canNow = device.now !== undefined && device.live.includes('detach');
  const impacts =
    device.next === undefined
      ? canNow
        ? (['now'] as const)
        : []
      : device.now === undefined
        ? (['next'] as const)
        : impactsOf(hardware, canNow);
  if (impacts.length === 0) return null;
  if (!isAsked.value)
    return (
      <div class="row">
        <button
          type="button"
          class="btn"
          onClick={() => {
            isAsked.value = true;
          }}
        >
          {words.removeOf(nameOfDevice(device))}
        </button>
      </div>
    );
  return (
    <Apply
      name={hardware.name}
      change={change}
      impacts={impacts}
      act={words.remove}
      done={done}
      cancel={() => {
        isAsked.value = false;
      }}
    />
  );
}

/** A device's element, which can be written again. */
export function DeviceXml({ hardware, device, done }: PageProps & { device: Device }) {
  const is = device.next ?? device.now ?? '',
    draft = useSignal<string | undefined>(undefined),
    value = draft.value ?? is;
  const canChange = device.next !== undefined;
  return (
    <>
      <XmlField
        id="dev-xml"
        label={words.xmlOf(nameOfDevice(device))}
        value={value}
        put={
          canChange
            ? written => {
                draft.value = written;
              }
            : undefined
        }
      />
      {value !== is && (
        <Apply
          name={hardware.name}
          change={{ of: 'device', how: 'update', xml: value }}
          impacts={['next']}
          act={words.apply}
          done={done}
          cancel={() => {
            draft.value = undefined;
          }}
        />
      )}
    </>
  );
}
