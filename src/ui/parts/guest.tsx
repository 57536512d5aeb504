/** A domain: its windows, and what one can do to it. */

import { details, guestNotes, guestPages, inspectPage, postMortem, snapshotsPage } from '../parts.ts';
import type { CommandValue } from '../../dom0/toolstack/hypervisors/command/index.ts';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { guestActions } from '../actions.ts';
import { afterPrompt } from '../prompt-reached.ts';
import { command, tasks } from '../host.ts';
import { mediaSignal } from '../media.ts';
import type { Panel } from '../panel.ts';
import { type DomainSession, sessionAt } from '../sessions.ts';
import { beside, type ShownWindows, shownWindows, windows } from '../settings.ts';
import { destroy, destroyNow, keepGuest, leaving } from '../leaving.ts';
import { bootAgain, detailOpen, go, saveState } from '../navigation.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';
import { Icon, ModeBadge, StateMark } from './marks.tsx';
import { openMenu } from './menu.tsx';
import { ScreenWindow } from './screen.tsx';
import { SerialWindow } from './serial.tsx';
import { Splitter } from './splitter.tsx';
import { tabId, Tabs } from './tabs.tsx';

const words = strings.guest;

export const guestPanel: Panel = {
  id: 'guest',
  region: 'bench',
  name: strings.tree.guests,
  show: here => {
    if (here.kind !== 'domain') return undefined;
    const session = sessionAt(here);
    return !session && here.name !== undefined ? (
      <MissingGuest name={here.name} />
    ) : (
      session && <GuestPage key={session.id} session={session} tab={here.tab} />
    );
  },
  title: here => (here.kind === 'domain' ? (sessionAt(here)?.info.value.name ?? here.name) : undefined),
};

/** Smaller pages show one window at a time unless asked. */
const roomForBoth = mediaSignal('(min-width: 1280px) and (min-height: 800px)');

const MissingGuest = later(guestNotes, part => part.MissingGuest);
const GuestJob = later(guestNotes, part => part.GuestJob);
const SharedFolder = later(guestNotes, part => part.SharedFolder);
const SilentNote = later(guestNotes, part => part.SilentNote);
const ShutdownNote = later(guestNotes, part => part.ShutdownNote);
const GuestOverview = later(guestPages, part => part.GuestOverview);
const DetailsPage = later(details, part => part.DetailsPage);
const GuestHistory = later(guestPages, part => part.GuestHistory);
const SnapshotsPage = later(snapshotsPage, part => part.SnapshotsPage);
const PostMortemPage = later(postMortem, part => part.PostMortemPage);
const InspectPage = later(inspectPage, part => part.InspectPage);

const CONSOLE = 'console',
  POST_MORTEM = 'post-mortem',
  PANEL = 'guest-panel';
/** Where a tab puts tools of its own: next to what can be done to the guest. */
export const TOOLS_OF_TAB = 'tools-of-tab';
const TABS = [
  [CONSOLE, words.tabs.console],
  ['overview', words.tabs.overview],
  ['details', words.tabs.details],
  ['snapshots', words.tabs.snapshots],
  ['history', words.tabs.history],
  ['inspect', words.tabs.inspect],
  ['definition', words.tabs.definition],
] as const;

function GuestPage({ session, tab: chosen }: { session: DomainSession; tab?: string | undefined }) {
  // A person who was there when it fell goes on with what they looked at.
  const [first] = useState(() => (session.isFallen ? POST_MORTEM : CONSOLE));
  const domain = session.info.value;
  const gone = session.gone.value;
  const over = session.over,
    isKept = over && !gone && !domain.lost;
  const tab = (chosen ?? first) === POST_MORTEM && !isKept ? CONSOLE : (chosen ?? first);
  const [here, setHere] = useState<ShownWindows>();
  const view = shownWindows(
    { hasScreen: session.hasScreen, used: session.used.value, drew: session.drew.value, spoke: session.spoke.value },
    here,
    windows.value,
    roomForBoth.value,
  );
  // Of two windows Enter gives the keyboard to the one where the guest has spoken.
  const serialFirst = view === 'serial' || (view === 'both' && session.spoke.value);
  const isConsole = tab === CONSOLE,
    withConsole = isConsole || beside.value;
  const desk = (
    <div class={`desk ${view}${session.drew.value && !session.spoke.value ? ' drawn' : ''}`} data-guest={session.id}>
      {view !== 'serial' && <ScreenWindow key={`v${session.id}`} session={session} first={!serialFirst} />}
      {view !== 'screen' && <SerialWindow key={`s${session.id}`} session={session} first={serialFirst} />}
    </div>
  );
  return (
    <>
      <div class="bh guest">
        <div class="row">
          <h2>
            <StateMark state={gone ? 's' : session.state} fell={domain.fell} />
            {domain.name}
          </h2>
          <ModeBadge type={domain.type} />
          <span class="sec meta nw">{words.facts(domain.memoryMiB, domain.vcpus, domain.id)}</span>
          <span class="grow" />
          <GuestTools session={session} tab={tab} />
          {isConsole && <DetailButton />}
        </div>
        <div class="row gtabs">
          <Tabs
            label={domain.name}
            tabs={isKept ? [[POST_MORTEM, words.tabs.postMortem], ...TABS] : TABS}
            panel={PANEL}
            chosen={tab}
            onChoose={id => go({ kind: 'domain', id: session.id, ...(id === first ? {} : { tab: id }) })}
          />
          <span class="grow" />
          {!isConsole && (
            <button
              class="btn sm"
              aria-pressed={beside.value}
              onClick={() => {
                beside.value = !beside.value;
              }}
            >
              {words.beside}
            </button>
          )}
          {withConsole && session.hasScreen && <Windows shown={view} choose={setHere} />}
        </div>
      </div>
      {!over && <GuestNotes session={session} />}
      <div class="sides">
        {withConsole && !isConsole && (
          <>
            <section class="side" aria-label={words.tabs.console}>
              {desk}
            </section>
            <Splitter region="beside" />
          </>
        )}
        <div class="tabpanel" role="tabpanel" id={PANEL} aria-labelledby={tabId(PANEL, tab)}>
          {isConsole ? desk : <TabContent session={session} tab={tab} />}
        </div>
      </div>
    </>
  );
}

const DetailButton = () => (
  <button
    class="btn only-m"
    aria-expanded={detailOpen.value}
    onClick={() => {
      detailOpen.value = !detailOpen.value;
    }}
  >
    {words.detail}
  </button>
);

/** Which of its windows are shown. */
const Windows = ({ shown, choose }: { shown: ShownWindows; choose(windows: ShownWindows): void }) => (
  <div class="seg" role="group" aria-label={words.view}>
    {(['serial', 'screen', 'both'] as const).map(choice => (
      <button
        key={choice}
        aria-pressed={shown === choice}
        onClick={() => {
          windows.value = choice;
          choose(choice);
        }}
      >
        {words[choice]}
      </button>
    ))}
  </div>
);

/** What can be done to it now. */
function GuestTools({ session, tab }: { session: DomainSession; tab: string }) {
  const going = leaving.value.get(session.id),
    { over } = session;
  return (
    <div
      class={`row wrap tools${(over && tab !== POST_MORTEM) || going ? ' says' : ''}`}
      role="toolbar"
      aria-label={session.info.value.name}
    >
      {over ? (
        <ToolsOfEnded session={session} tab={tab} />
      ) : going ? (
        <ToolsOfLeaving session={session} seconds={going.seconds} />
      ) : (
        <ToolsOfLiving session={session} />
      )}
    </div>
  );
}

function ToolsOfEnded({ session, tab }: { session: DomainSession; tab: string }) {
  const domain = session.info.value,
    gone = session.gone.value;
  return (
    <>
      {tab !== POST_MORTEM && (
        <span class={domain.fell ? 'tag bad' : 'b'}>
          {words.ended(domain.name, domain.ended ?? (gone ? words.gone : ''))}
        </span>
      )}
      <span class="grow" />
      {tab === POST_MORTEM && <span id={TOOLS_OF_TAB} />}
      {session.files && (
        <button class="btn primary" onClick={() => void bootAgain(session)}>
          {words.again}
        </button>
      )}
      {gone ? (
        <button class="btn" onClick={() => go({ kind: 'home' })}>
          {words.close}
        </button>
      ) : (
        <Tool onClick={() => destroy(session)}>{words.destroy}</Tool>
      )}
    </>
  );
}

function ToolsOfLeaving({ session, seconds }: { session: DomainSession; seconds: number }) {
  const domain = session.info.value;
  return (
    <>
      <span class="say" role="alert">
        {words.leaving(domain.name, domain.memoryMiB, domain.disks ?? 0, seconds)}
      </span>
      <span class="grow" />
      <button class="btn primary" onClick={() => keepGuest(session)}>
        {words.keep}
      </button>
      <Tool onClick={() => destroyNow(session)}>
        <Icon name="close" />
        {words.destroyNow}
      </Tool>
    </>
  );
}

function ToolsOfLiving({ session }: { session: DomainSession }) {
  const domain = session.info.value,
    paused = domain.state === 'p';
  return (
    <>
      <Tool onClick={() => void command(paused ? 'unpause' : 'pause', domain)}>
        <Icon name={paused ? 'run' : 'pause'} />
        {paused ? words.run : words.pause}
      </Tool>
      <Tool onClick={() => void command('reset', domain)}>
        <Icon name="reset" />
        {words.reset}
      </Tool>
      <Tool onClick={() => void command('shutdown', domain)}>
        <Icon name="power" />
        {words.power}
      </Tool>
      <Tool onClick={() => void saveState(domain)}>{words.save}</Tool>
      <Tool onClick={() => destroy(session)}>
        <Icon name="close" />
        {words.destroy}
      </Tool>
      <button
        class="btn quiet"
        aria-haspopup="menu"
        aria-label={words.more(domain.name)}
        title={words.more(domain.name)}
        onClick={event => openMenu(event, domain.name, guestActions(session))}
      >
        •••
      </button>
    </>
  );
}

/** What a tab shows next to or in place of the console. */
function TabContent({ session, tab }: { session: DomainSession; tab: string }) {
  const { name, definition } = session.info.value;
  return tab === POST_MORTEM ? (
    <PostMortemPage session={session} />
  ) : tab === 'overview' ? (
    <GuestOverview session={session} />
  ) : tab === 'details' ? (
    <DetailsPage name={name} />
  ) : tab === 'snapshots' ? (
    <SnapshotsPage name={name} />
  ) : tab === 'history' ? (
    <GuestHistory session={session} />
  ) : tab === 'inspect' ? (
    <InspectPage session={session} />
  ) : tab === 'definition' ? (
    <div class="body">
      <pre class="code defn" tabIndex={0}>
        {definition || words.noDefinition}
      </pre>
    </div>
  ) : null;
}

/** It asks a guest to shut itself down. */
const isShutdown = (command: CommandValue): boolean =>
  command.verb === 'shutdown' || (command.verb === 'trigger' && command.options.what === 'power');

/** What is done with it, and what prevents that. */
function GuestNotes({ session }: { session: DomainSession }) {
  const { id, name, job, waitsForRoom, restarts } = session.info.value;
  const asked = tasks.value.find(({ asked: is }) => is?.domain === name && isShutdown(is));
  return (
    <>
      {waitsForRoom && (
        <div class="note bad" role="alert">
          <span>{words.waitsForRoom}</span>
        </div>
      )}
      {afterPrompt.value && <SharedFolder id={id} />}
      {job && <GuestJob key={`j${id}`} id={id} name={name} />}
      {asked && <ShutdownNote session={session} task={asked} />}
      <Silence key={`q${id}`} session={session} />
      {restarts && (
        <div class="note" role="status">
          <span>{words.restarted(restarts.count, restarts.why)}</span>
        </div>
      )}
    </>
  );
}

/** A guest that shows nothing for this long says what it does. */
const SILENT_MS = 10_000;
function Silence({ session }: { session: DomainSession }) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SILENT_MS);
    return () => clearTimeout(timer);
  }, []);
  // One that came from another host has shown what it had to show there.
  return isLate && session.files && !session.used.value && session.info.value.state !== 'p' ? (
    <SilentNote session={session} />
  ) : null;
}

const Tool = ({ onClick, children }: { onClick(): void; children: ComponentChildren }) => (
  <button class="btn" onClick={onClick}>
    {children}
  </button>
);
