/** /components.html: the parts of the page in each of their states, from the same source as the page. What they show here is made up (fixtures.ts); no host runs. */

import '@xterm/xterm/css/xterm.css';
import '../style.css';
import '../inspect/inspect.css';
import './components.css';
import { type ComponentChildren, render } from 'preact';
import { useState } from 'preact/hooks';
import { domains } from '../host.ts';
import { WhyBox } from '../inspect/frame.tsx';
import { Chart } from '../parts/chart.tsx';
import { DraftPage } from '../parts/draft-page.tsx';
import { Brand, Icon, type IconName, ModeBadge, Spark, StateMark, Tag } from '../parts/marks.tsx';
import { ScreenWindow } from '../parts/screen.tsx';
import { SerialWindow } from '../parts/serial.tsx';
import { SeveralPage } from '../parts/several-page.tsx';
import { memoryShare, SharesBar } from '../parts/shares-bar.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { TaskTable } from '../parts/tasks.tsx';
import { Tree } from '../parts/tree.tsx';
import { Heat } from '../pool/heat.tsx';
import '../pool/pool.css';
import { inventory, readings } from '../inventory.ts';
import { sessions } from '../sessions.ts';
import { draft, place, several } from '../navigation.ts';
import { strings } from '../strings.ts';
import { theme } from '../settings.ts';
import { followTheme } from '../theme.ts';
import {
  CANDIDATES,
  CHOSEN,
  DOMAINS,
  DRAFT,
  ICONS,
  guest,
  INVENTORY,
  READINGS,
  SESSIONS,
  TASKS,
  WRITTEN,
} from './fixtures.ts';

const OWNERS: [owner: string, name: string, says: string][] = [
  ['c-hv', 'Xen', 'and what is chosen'],
  ['c-d0', 'Domain-0', 'id 0'],
  ['c-A', 'guest A', 'the first'],
  ['c-B', 'guest B', 'the second'],
  ['c-C', 'guest C', 'the third'],
  ['c-D', 'guest D', 'the fourth'],
  ['c-E', 'guest E', 'the fifth'],
  ['c-hw', 'hardware', 'of the host'],
  ['c-free', 'free', 'of nobody'],
];
const STEPS: [owner: string, title: string, value: string, says: string][] = [
  ['c-A', 'CR3', '0x00101000', 'points to the top level'],
  ['c-A', 'PDE [0x020]', '0x0013d067', 'write, user'],
  ['c-A fault', 'PTE [0x049]', '0x00000000', 'not present'],
  ['c-hv', 'second stage', 'rwx', '0xa3f1 → 0x1c7f1'],
  ['c-hw last', 'machine', '0x1c7f12e4', 'frame 0x1c7f1'],
];
const HOPS: [owner: string, place: string, what: string, us: string][] = [
  ['c-hv', 'exit', 'VMCALL, EVTCHNOP_send', '+0 µs'],
  ['c-A', 'front end', 'slot 22 of xvda', '+1 µs'],
  ['c-d0', 'back end', 'takes request 1046', '+40 µs'],
  ['c-hw', 'disk', 'sector 38594592', '+95 µs'],
];
const SLOTS = [...'FFAATTTTWWWFFFFF'];
const MEMORY: [owner: string, id: string, name: string, mib: number][] = [
  ['c-hv', 'X', 'Xen', 16],
  ['c-d0', '0', 'Domain-0', 96],
  ['c-A', '1', 'web', 128],
  ['c-B', '2', 'db', 64],
  ['c-free', '', 'free', 208],
];
const SECONDS = Array.from({ length: 60 }, (_, i) => i * 1000);
const TAGS = ['used', 'approximated', 'ignored', 'missing', 'error', 'done', 'failed', 'running'];
const BUSY = Array.from({ length: 60 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 4));

const Section = ({ title, wide, children }: { title: string; wide?: boolean; children: ComponentChildren }) => (
  <section class={wide ? 'part wide' : 'part'} aria-label={title}>
    <h2>{title}</h2>
    {children}
  </section>
);

/** What minipv says at its start, and then. */
const BOOTED = 'minipv as PVH\r\nxvda: 41943040 sectors\r\n',
  PROMPT = '\x1b[1;32mminipv>\x1b[0m ';
const TABS = [
  ['one', 'Console'],
  ['two', 'Overview'],
  ['three', 'History'],
] as const;

const Slider = ({
  name,
  part,
  value,
  when,
  isFocused = false,
}: {
  name: string;
  part: number;
  value: string;
  when: string;
  isFocused?: boolean;
}) => (
  <label class="sl2">
    <span>{name}</span>
    <input type="range" class={isFocused ? 'is-focus' : ''} aria-label={name} value={part} style={`--part:${part}%`} />
    <span class="m">{value}</span>
    <span class="sec">{when}</span>
  </label>
);

function Buttons() {
  const [chosen, choose] = useState('one');
  return (
    <>
      <p class="row wrap">
        <button class="btn primary">
          <Icon name="run" />
          Start web
        </button>
        <button class="btn">Save</button>
        <button class="btn quiet">quiet</button>
      </p>
      <p class="row">
        <button class="btn is-hover">hover</button>
        <button class="btn is-focus">focus</button>
        <span class="seg" role="group" aria-label="Arrangement">
          <button aria-pressed>Tile</button>
          <button aria-pressed={false}>Stack</button>
        </span>
      </p>
      <p class="row">
        <button class="btn primary" disabled>
          Start web
        </button>
        <span class="sec">waits for the kernel of line 3</span>
      </p>
      <Slider name="weight" part={50} value="512" when="now, focused" isFocused />
      <Slider name="cap" part={0} value="none" when="now" />
      <Slider name="vCPUs" part={33} value="2 of 4" when="after a reboot" />
      <Tabs label="Tabs" panel="tabs-panel" tabs={TABS} chosen={chosen} onChoose={choose} />
      <div
        role="tabpanel"
        id="tabs-panel"
        aria-label="The chosen tab"
        class="cap-t tab-of"
      >{`${TABS.find(([id]) => id === chosen)?.[1]} of web`}</div>
      <p class="note bad">
        <Tag kind="failed">
          <span>web was not started: there is no /boot/vmlinux. Did you mean vmlinuz?</span>
        </Tag>
      </p>
    </>
  );
}

function Fields() {
  return (
    <div class="edit-f">
      <div class="fld half">
        <label for="field">Kernel</label>
        <input id="field" class="in" value="/boot/vmlinuz" />
      </div>
      <div class="fld half">
        <label for="disk">RAM disk</label>
        <input id="disk" class="in" placeholder="none" />
      </div>
      <div class="fld wrong">
        <label for="wrong">Memory</label>
        <input id="wrong" class="in" value="2G" aria-invalid />
        <span class="stop">
          <Tag kind="error">
            <span>xl takes MiB as a number. Write 2048.</span>
          </Tag>
        </span>
      </div>
      <div class="fld sel">
        <label for="slider">vCPUs, chosen</label>
        <span class="amount">
          <input type="range" id="slider" min={1} max={4} value={2} style="--part:33%" />
          <input class="in" type="number" aria-label="vCPUs" value={2} />
        </span>
      </div>
      <div class="fld half">
        <span id="mode-of" class="sec">
          Mode
        </span>
        <span class="seg" role="group" aria-labelledby="mode-of">
          <button aria-pressed>PVH</button>
          <button aria-pressed={false}>HVM</button>
        </span>
      </div>
      <div class="fld half">
        <label for="crash">When it crashes</label>
        <select id="crash" class="in">
          <option>preserve</option>
          <option>restart</option>
        </select>
      </div>
      <label class="auto">
        <input type="checkbox" checked />
        Start it with the host
      </label>
    </div>
  );
}

/** The page’s own head: what it is, and the theme. */
function Top() {
  return (
    <header class="row wrap">
      <Brand />
      <h1>Components and states</h1>
      <span class="grow" />
      <label class="pick">
        <Icon name="theme" size={14} />
        <span class="hidden">Theme</span>
        <select
          class="btn quiet"
          value={theme.value}
          onChange={event => {
            theme.value = event.currentTarget.value as typeof theme.value;
          }}
        >
          {['system', 'light', 'dark', 'contrast'].map(each => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    </header>
  );
}

/** Colours, rows, buttons, fields. */
function Basics() {
  return (
    <>
      <Section title="Owners: fill, tint with text, edge" wide>
        <ul class="owners">
          {OWNERS.map(([owner, name, says]) => (
            <li key={owner} class={owner}>
              <i />
              <b>{name}</b>
              <span>{says}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Rows of the tree">
        <div class="framed">
          <Tree />
        </div>
      </Section>
      <Section title="Buttons, tabs, fields">
        <Buttons />
      </Section>
      <Section title="Form: rest, wrong, chosen, empty">
        <Fields />
      </Section>
    </>
  );
}

/** What domains, lines of a definition and answers are marked with. */
function States() {
  return (
    <Section title="States, modes, verdicts">
      <ul class="tags">
        {['r', 'b', 'p', 's', 'c', 'd', '-'].map(state => (
          <li key={state}>
            <StateMark state={state} /> {strings.states[state]}
          </li>
        ))}
        <li>
          <Spark values={BUSY} label="Busy" /> last minute
        </li>
      </ul>
      <p class="row wrap">
        {['d0', 'pv', 'pvh', 'hvm'].map(type => (
          <ModeBadge key={type} type={type} />
        ))}
      </p>
      <ul class="tags">
        {TAGS.map(kind => (
          <li key={kind}>
            <Tag kind={kind}>{kind}</Tag>
          </li>
        ))}
      </ul>
      <WhyBox
        why={{
          question: 'Why BOOST?',
          answer: 'A vCPU that wakes with credit left goes first until the next tick.',
          source: 'xen/common/sched/credit.c',
        }}
      />
    </Section>
  );
}

/** Terminals and screens. */
function Windows() {
  return (
    <>
      <Section title="Terminal: free, captured, paused, over" wide>
        <div class="windows">
          <SerialWindow
            session={guest('free', 'r', { text: `${BOOTED}${PROMPT}dhcp\r\ndhcp: 10.0.2.15\r\n${PROMPT}` })}
            first={false}
          />
          <SerialWindow
            session={guest('captured', 'r', {
              text: `${BOOTED}${PROMPT}ping 10.0.2.2\r\n3 of 3 answered\r\n${PROMPT}ls`,
            })}
            first={false}
            captured
          />
          <SerialWindow
            session={guest('paused', 'p', { text: `${BOOTED}${PROMPT}writer xvda 64 100` })}
            first={false}
          />
          <SerialWindow
            session={guest('over', 's', { text: `${BOOTED}${PROMPT}poweroff\r\nPower down.`, isGone: true })}
            first={false}
          />
        </div>
      </Section>
      <Section title="Screen: free, paused, no signal; a terminal without text" wide>
        <div class="windows">
          <ScreenWindow session={guest('free', 'r', { screen: 'C:\\> dir' })} first={false} />
          <ScreenWindow session={guest('paused', 'p', { screen: 'C:\\> wait' })} first={false} />
          <ScreenWindow session={guest('dark', 'b', {})} first={false} />
          <SerialWindow session={guest('silent', 'r', {})} first={false} />
        </div>
      </Section>
    </>
  );
}

/** Icons, and the ways of an address and a request. */
function Ways() {
  return (
    <>
      <Section title="Icons" wide>
        <ul class="icons">
          {ICONS.map(name => (
            <li key={name}>
              <Icon name={name as IconName} size={14} />
              {name}
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Where a guest that moves writes: a row a round">
        <Heat written={WRITTEN} />
      </Section>
      <Section title="Address walk: steps, one that faults, the last" wide>
        <ol class="walk">
          {STEPS.map(([owner, title, value, says]) => (
            <li key={title} class={owner}>
              <button class="pickrow">
                <small>{title}</small>
                <b>{value}</b>
                <span>{says}</span>
              </button>
            </li>
          ))}
        </ol>
      </Section>
      <Section title="Way of a request" wide>
        <ol class="hops">
          {HOPS.map(([owner, at, what, us], i) => (
            <li key={at} class={owner}>
              <b>{at}</b>
              <span>{what}</span>
              <u>
                <s style={`left:${i * 33}%`} />
              </u>
              <i class="m">{us}</i>
            </li>
          ))}
        </ol>
      </Section>
      <Section title="Slots of a ring">
        <div class="unroll c-A shown">
          {SLOTS.map((state, i) => (
            <div key={i} class={`us sl-${state}${i === 8 ? ' on' : ''}`}>
              <small>{i}</small>
              {state !== 'F' && <b>{state}</b>}
            </div>
          ))}
        </div>
        <p class="cap-t">W waits for Domain-0, T is in its hands, A is answered; the others are free.</p>
      </Section>
    </>
  );
}

/** Figures: over time, by owner, by reason. */
function Measures() {
  return (
    <>
      <Section title="History">
        <Chart
          title="CPU"
          unit="% of one pCPU"
          atMs={SECONDS}
          least={100}
          digits={0}
          height={120}
          lines={[
            { name: 'web', token: '--dA', values: BUSY.map(each => 80 * each) },
            {
              name: 'db',
              token: '--dB',
              dash: true,
              values: BUSY.map((each, i) => (i < 12 ? undefined : 40 - 30 * each)),
            },
          ]}
        />
      </Section>
      <Section title="Machine memory by owner" wide>
        <SharesBar shares={MEMORY.map(([owner, id, name, mib]) => memoryShare(owner, name, mib, { id }))} />
      </Section>
      <Section title="Exits by reason" wide>
        <table class="pad picks counted">
          <thead>
            <tr>
              <th>Reason</th>
              <th class="num">Exits</th>
              <th>Share</th>
            </tr>
          </thead>
          <tbody>
            {(
              [
                ['30 I/O instruction', 4122, 'sel'],
                ['12 HLT', 2604, ''],
                ['18 VMCALL', 1877, ''],
              ] as const
            ).map(([name, count, state]) => (
              <tr key={name} class={state}>
                <td>{name}</td>
                <td class="m num">{count}</td>
                <td>
                  <i class="hb" style={`width:${count / 41.22}%`} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
    </>
  );
}

/** Parts that are pages of their own. */
function Pages() {
  return (
    <>
      <Section title="Task log" wide>
        <TaskTable shown={TASKS} />
      </Section>
      <Section title="A dropped definition" wide>
        <div class="framed">
          <DraftPage />
        </div>
      </Section>
      <Section title="Several at once" wide>
        <div class="framed">
          <SeveralPage />
        </div>
      </Section>
    </>
  );
}

function Components() {
  return (
    <main class="components">
      <Top />
      <Basics />
      <States />
      <Windows />
      <Ways />
      <Measures />
      <Pages />
    </main>
  );
}

followTheme();
domains.value = DOMAINS;
sessions.value = SESSIONS;
inventory.value = INVENTORY;
readings.value = READINGS;
draft.value = DRAFT;
several.value = CANDIDATES;
place.value = { kind: 'domain', id: CHOSEN };
render(<Components />, document.getElementById('app')!);
