/** The page of inspectors: of a guest, or of the host. Nothing of it is loaded, and nothing looks, before somebody opens it. */

import './inspect.css';
import { useMemo } from 'preact/hooks';
import type { DomainSession } from '../sessions.ts';
import { info } from '../host.ts';
import { go, place } from '../navigation.ts';
import { strings } from '../strings.ts';
import { hypervisorOfHost } from '../hypervisors/of-host.ts';
import { tabId, Tabs } from '../parts/tabs.tsx';
import { INSPECTORS, nameOf } from './inspectors.ts';
import { useMachine } from './machine.ts';

const PANEL = 'inspector-panel';

/** `session`: the guest that is looked at; undefined: the host. */
export function InspectPage({ session }: { session?: DomainSession }) {
  const machine = useMachine();
  const here = place.value;
  const hypervisor = hypervisorOfHost();
  const offered = INSPECTORS.filter(
    ({ of, only = hypervisor, needsVt }) =>
      (of === 'both' || of === (session ? 'guest' : 'host')) && only === hypervisor && !(needsVt && info.value?.noVt),
  ).map(entry => ({ ...entry, name: nameOf(entry, hypervisor) }));
  const { id, name, View } = offered.find(each => each.id === here.name) ?? offered[0]!;
  const target = useMemo(
    () => ({ ...(session ? { session } : {}), ...(machine.value?.view ? { machine: machine.value.view } : {}) }),
    [session, machine.value],
  );
  const tabs = (
    <Tabs
      label={strings.inspect.name}
      tabs={offered.map(each => [each.id, each.name] as const)}
      panel={PANEL}
      chosen={id}
      onChoose={chosen => go({ ...here, name: chosen })}
    />
  );
  const whose = session ? session.info.value.name : strings.hostName;
  return (
    <div class="inspect" role="tabpanel" id={PANEL} aria-labelledby={tabId(PANEL, id)}>
      {machine.value && (
        <View key={`${id} ${session?.id ?? ''}`} target={target} name={`${whose} ${name.toLowerCase()}`} tabs={tabs} />
      )}
    </div>
  );
}
