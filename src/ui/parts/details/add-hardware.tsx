/** Hardware is added: to a guest that runs where it can have that, and from its next start. */

import { inForms } from '../../kinds/index.ts';
import { useSignal } from '@preact/signals';
import type { HardwareChange } from '../../../dom0/service/index.ts';
import { Apply } from './apply.tsx';
import {
  CardFields,
  cardChange,
  type CardForm,
  DiskFields,
  type DiskForm,
  modelsFor,
  OWN_NETWORK,
  type PageProps,
} from './device-pages.tsx';
import { Choice, XmlField } from './fields.tsx';
import { freeDisk, freeTarget, impactsOf } from './shapes.ts';
import { words } from './words.ts';

const KINDS = [
  ['disk', words.newDisk],
  ['cdrom', words.newCd],
  ['card', words.newCard],
  ['screen', words.newScreen],
  ['rng', words.newRng],
  ['xml', words.newXml],
] as const;
type Kind = (typeof KINDS)[number][0];

/** What is being written of each kind: a first device of it that could be added. */
function useDrafts({ hardware, choices }: Pick<PageProps, 'hardware' | 'choices'>) {
  const { now, next, devices } = hardware,
    vm = (next ?? now)!;
  const taken = [...(now?.disks ?? []), ...(next?.disks ?? [])].map(({ vdev }) => vdev);
  const place = devices.filter(({ name, next: then }) => name === 'interface' && then !== undefined).length,
    models = modelsFor(hardware, place);
  const disk = useSignal<DiskForm>({
      target: freeDisk(choices, vm.disks),
      format: 'raw',
      vdev: freeTarget(taken, inForms(vm).plugged),
      kind: 'disk',
      readOnly: false,
    }),
    cdrom = useSignal<DiskForm>({
      target: '',
      format: 'raw',
      vdev: ['hdc', 'hdd', 'hdb', 'hda'].find(each => !taken.includes(each)) ?? freeTarget(taken, 'xvd'),
      kind: 'cdrom',
      readOnly: true,
    }),
    card = useSignal<CardForm>({ mac: '', model: models[0]![0], on: OWN_NETWORK }),
    xml = useSignal("<input type='tablet' bus='usb'/>\n");
  /** Or why there is none to add. */
  const changeOf = (kind: Kind): HardwareChange | string => {
    const drive = kind === 'cdrom' ? cdrom.value : disk.value;
    if (kind === 'disk' && drive.target === '') return words.noSource;
    if (kind === 'disk' || kind === 'cdrom') return { of: 'disk', how: 'attach', vdev: drive.vdev, disk: drive };
    if (kind === 'card') return cardChange('attach', place, card.value);
    if (kind === 'xml') return { of: 'device', how: 'attach', xml: xml.value };
    if (kind === 'rng') return inForms(vm).rng ? { of: 'rng', isThere: true } : words.onlyKvm;
    return inForms(vm).vga ? words.pcScreen : vm.vfb ? words.hasScreen : { of: 'screen', isThere: true };
  };
  return { disk, cdrom, card, xml, models, changeOf };
}

export function AddHardware({ hardware, choices, done }: PageProps) {
  const kind = useSignal<Kind>('disk'),
    shown = kind.value;
  const drafts = useDrafts({ hardware, choices }),
    change = drafts.changeOf(shown);
  const { disks, card } = hardware.canChangeNow;
  const canNow =
    shown === 'card' ? card : shown === 'disk' && disks !== undefined && drafts.disk.value.vdev.startsWith(disks);
  const impacts = impactsOf(hardware, canNow);
  return (
    <>
      <Choice
        id="add-kind"
        label={words.kind}
        value={shown}
        of={KINDS}
        put={to => {
          kind.value = to as Kind;
        }}
      />
      <Fields kind={shown} networks={choices.networks} {...drafts} />
      {typeof change === 'string' ? (
        <p>{change}</p>
      ) : impacts.length === 0 ? (
        <p>{words.transient}</p>
      ) : (
        <Apply name={hardware.name} change={change} impacts={impacts} act={words.add} done={done} />
      )}
    </>
  );
}

function Fields({
  kind,
  networks,
  disk,
  cdrom,
  card,
  xml,
  models,
}: { kind: Kind; networks: PageProps['choices']['networks'] } & ReturnType<typeof useDrafts>) {
  if (kind === 'screen' || kind === 'rng')
    return <p class="cap-t">{kind === 'screen' ? words.screenHint : words.rngHint}</p>;
  if (kind === 'card')
    return (
      <CardFields
        value={card.value}
        models={models}
        networks={networks}
        put={changes => {
          card.value = { ...card.value, ...changes };
        }}
      />
    );
  if (kind === 'xml')
    return (
      <XmlField
        id="add-xml"
        label={words.xml}
        value={xml.value}
        put={to => {
          xml.value = to;
        }}
      />
    );
  const drive = kind === 'cdrom' ? cdrom : disk;
  return (
    <DiskFields
      value={drive.value}
      put={changes => {
        drive.value = { ...drive.value, ...changes };
      }}
    />
  );
}
