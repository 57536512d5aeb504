/** /components.html: the parts of the page in each of their states, from the same source as the page. What they show here is made up (fixtures.ts); no host runs. */

import '@xterm/xterm/css/xterm.css';
import '../style.css';
import '../inspect/inspect.css';
import './components.css';
import { type ComponentChildren, render } from 'preact';
import { useState } from 'preact/hooks';
import { domains } from '../host.ts';
import { WhyBox } from '../inspect/frame.tsx';
import { DraftPage } from '../parts/draft-page.tsx';
import { Brand, Chip, Icon, type IconName, ModeBadge, Spark, StateMark, Tag } from '../parts/marks.tsx';
import { ScreenWindow } from '../parts/screen.tsx';
import { SerialWindow } from '../parts/serial.tsx';
import { SeveralPage } from '../parts/several-page.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { TaskTable } from '../parts/tasks.tsx';
import { Tree } from '../parts/tree.tsx';
import { draft, place, several } from '../state.ts';
import { theme } from '../settings.ts';
import { followTheme } from '../theme.ts';
import { CANDIDATES, DOMAINS, DRAFT, ICONS, guest, TASKS } from './fixtures.ts';

const OWNERS: [owner: string, name: string][] = [
  ['c-hv', 'Xen'], ['c-d0', 'Domain-0'], ['c-A', 'guest A'], ['c-B', 'guest B'], ['c-C', 'guest C'], ['c-D', 'guest D'], ['c-E', 'guest E'], ['c-free', 'free'],
];
const TAGS = ['used', 'approximated', 'ignored', 'missing', 'error', 'done', 'failed', 'running'];
const BUSY = Array.from({ length: 60 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 4));

const Section = ({ title, wide, children }: { title: string; wide?: boolean; children: ComponentChildren }) =>
  <section class={wide ? 'part wide' : 'part'} aria-label={title}><h2>{title}</h2>{children}</section>;

function Fields() {
  const [chosen, choose] = useState('one');
  return <>
    <p class="row wrap"><button class="btn primary"><Icon name="run" />Start web</button><button class="btn">Save</button><button class="btn quiet">Quiet</button><button class="btn sm">Small</button>
      <button class="btn quiet icon" aria-label="Close"><Icon name="close" /></button><button class="btn" disabled>Start web</button><button class="btn primary" disabled>Start</button></p>
    <p class="row wrap"><span class="seg" role="group" aria-label="Arrangement"><button aria-pressed>Tile</button><button aria-pressed={false}>Stack</button><button aria-pressed={false} disabled>One</button></span></p>
    <Tabs label="Tabs" panel="tabs-panel" tabs={[['one', 'Console'], ['two', 'Overview'], ['three', 'History']]} chosen={chosen} onChoose={choose} />
    <div role="tabpanel" id="tabs-panel" aria-label="The chosen tab" class="cap-t">{chosen}</div>
    <div class="edit-f">
      <div class="fld"><label for="field">Kernel</label><input id="field" class="in" value="/boot/vmlinuz" /></div>
      <div class="fld wrong"><label for="wrong">Memory</label><input id="wrong" class="in" value="2G" aria-invalid /><span class="stop"><Tag kind="error"><span>xl takes MiB as a number. Write 2048.</span></Tag></span></div>
      <div class="fld sel"><label for="slider">vCPUs</label><span class="amount"><input type="range" id="slider" min={1} max={4} value={2} style="--part:33%" /><input class="in" type="number" aria-label="vCPUs" value={2} /></span></div>
    </div>
  </>;
}

function Components() {
  return <main class="components">
    <header class="row wrap"><Brand /><h1>Components and states</h1><span class="grow" />
      <label>Theme <select class="in" value={theme.value} onChange={event => { theme.value = event.currentTarget.value as typeof theme.value; }}>
        {['system', 'light', 'dark', 'contrast'].map(each => <option key={each}>{each}</option>)}</select></label></header>
    <Section title="Owners" wide><ul class="owners">{OWNERS.map(([owner, name]) => <li key={owner}><div class="bar big"><i class={owner} style="width:100%" /></div><span>{name}</span></li>)}</ul></Section>
    <Section title="Rows of the tree"><div class="framed"><Tree /></div></Section>
    <Section title="Buttons, tabs, fields"><Fields /></Section>
    <Section title="States, modes, verdicts">
      <p class="row wrap">{['r', 'b', 'p', 's', 'c', 'd', '-'].map(state => <StateMark key={state} state={state} />)}</p>
      <p class="row wrap">{['d0', 'pv', 'pvh', 'hvm'].map(type => <ModeBadge key={type} type={type} />)}</p>
      <p class="row wrap">{[0, 1, 2, 3, 4, 5].map(id => <Chip key={id} id={id} />)}<Chip /></p>
      <ul class="tags">{TAGS.map(kind => <li key={kind}><Tag kind={kind}>{kind}</Tag></li>)}</ul>
      <p class="row wrap"><Spark values={BUSY} label="Busy" /><Spark values={[...BUSY.slice(0, 20), undefined, undefined, ...BUSY.slice(30)]} label="With a gap" /><Spark values={[]} label="Not known" /></p>
      <p class="row wrap icons">{ICONS.map(name => <Icon key={name} name={name as IconName} size={16} />)}</p>
      <WhyBox why={{ question: 'Why BOOST?', answer: 'A vCPU that wakes with credit left goes first until the next tick.', source: 'xen/common/sched/credit.c' }} />
      <p class="note">A note.</p><p class="note bad"><Tag kind="failed"><span>A failure, and what to do next.</span></Tag></p>
      <p class="hint">Nothing here yet.</p>
    </Section>
    <Section title="Terminal: free, paused, over, silent" wide><div class="windows">
      <SerialWindow session={guest('web', 'r', { text: 'web login: ' })} first />
      <SerialWindow session={guest('db', 'p', { text: '# sync' })} first={false} />
      <SerialWindow session={guest('old', 's', { text: 'Power down.', isGone: true })} first={false} />
      <SerialWindow session={guest('new', 'r', {})} first={false} />
    </div></Section>
    <Section title="Screen: text, paused, off" wide><div class="windows">
      <ScreenWindow session={guest('pc', 'r', { screen: 'C:\\> dir' })} first={false} />
      <ScreenWindow session={guest('still', 'p', { screen: 'C:\\> wait' })} first={false} />
      <ScreenWindow session={guest('dark', 'b', {})} first={false} />
    </div></Section>
    <Section title="Task log" wide><TaskTable shown={TASKS} /></Section>
    <Section title="A dropped definition" wide><div class="framed"><DraftPage /></div></Section>
    <Section title="Several at once" wide><div class="framed"><SeveralPage /></div></Section>
  </main>;
}

followTheme();
domains.value = DOMAINS;
draft.value = DRAFT;
several.value = CANDIDATES;
place.value = { kind: 'home' };
render(<Components />, document.getElementById('app')!);
