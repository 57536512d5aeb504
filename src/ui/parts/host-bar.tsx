/** Title and tabs of the host's pages. */

import type { ComponentChildren } from 'preact';
import { info } from '../host.ts';
import { hostName, inventory } from '../inventory.ts';
import { go, place } from '../navigation.ts';
import { strings } from '../strings.ts';
import { Icon } from './marks.tsx';
import { tabId, Tabs } from './tabs.tsx';

const words = strings.hostPage;
const TABS = [
  ['desktop', words.desktop],
  ['host', words.host],
  ['storage', words.storage],
  ['network', words.network],
  ['pool', words.pool],
  ['inspect', strings.inspect.tab],
] as const;

const PANEL = 'host-panel';

interface FrameProps {
  children: ComponentChildren;
  /** What else the title row offers. */
  tools?: ComponentChildren;
  /** A new guest is being chosen here already. */
  choosing?: boolean;
}

/** Each of the host's pages is in one: title and tabs stay, with the focus, while the page below changes or its script is loaded. */
export const HostFrame = ({ children, tools, choosing }: FrameProps) => (
  <>
    <HostBar choosing={choosing}>{tools}</HostBar>
    <div class="tabpanel" role="tabpanel" id={PANEL} aria-labelledby={tabId(PANEL, chosenTab())}>
      {children}
    </div>
  </>
);

const chosenTab = (): string =>
  place.value.tab === undefined || place.value.tab === 'new' ? 'desktop' : place.value.tab;

function HostBar({ children, choosing }: { children?: ComponentChildren; choosing?: boolean | undefined }) {
  const machine = info.value,
    seen = inventory.value;
  return (
    <div class={`bh host${choosing ? ' one' : ''}`}>
      <div class="row">
        <h2>
          <Icon name="host" size={15} />
          {hostName.value}
        </h2>
        <span class="sec meta cut">
          {machine && words.facts(machine.version, machine.pcpus, machine.memoryMiB, seen?.upSeconds, seen?.hasVt)}
        </span>
        <span class="grow" />
        {children}
        {!choosing && (
          <button class="btn primary" aria-label={words.newGuest} onClick={() => go({ kind: 'home', tab: 'new' })}>
            <Icon name="plus" />
            <span class="hide-s">{words.newGuest}</span>
          </button>
        )}
      </div>
      <Tabs
        label={hostName.value}
        tabs={TABS}
        panel={PANEL}
        chosen={chosenTab()}
        onChoose={id => go({ kind: 'home', ...(id === 'desktop' ? {} : { tab: id }) })}
      />
    </div>
  );
}
