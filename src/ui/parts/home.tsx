/** First view: boot something, drop a definition, start a lesson. */

import { comparisons, homeLists, live, offersNotes } from '../parts.ts';
import { ofHost } from '../hypervisors/of-host.ts';
import { pageWords } from '../hypervisors/own.ts';
import { signal } from '@preact/signals';
import { domains, hostProblem, info, living } from '../host.ts';
import { inventory } from '../inventory.ts';
import {
  coming,
  FIGURE,
  isAnyFetched,
  isListed,
  notHere,
  type Offer,
  offers,
  pcos,
  progressText,
} from '../offered-guests.ts';
import type { Panel } from '../panel.ts';
import { started } from '../boot-times.ts';
import { speaking } from '../sessions.ts';
import { readyIn } from '../settings.ts';
import {
  addFiles,
  bootBeside,
  anythingGiven,
  bootingTogether,
  bootOffer,
  bootTogether,
  dragging,
  fetching,
  go,
  makeOffer,
  offerProblems,
} from '../navigation.ts';
import { strings } from '../strings.ts';
import { bytes } from '../terminal.ts';
import { HostFrame } from './host-bar.tsx';
import { LessonList } from './lesson.tsx';
import { afterPrompt } from '../prompt-reached.ts';
import { later } from './load-when-shown.tsx';
import { ChooseFiles, Icon, ModeBadge, StateMark, Tag } from './marks.tsx';
import { XenLog } from './strip.tsx';

const ReopenList = later(homeLists, part => part.ReopenList);
const SavedGuests = later(homeLists, part => part.SavedGuests);
const PcpuStrip = later(live, part => part.PcpuStrip);
const JustHappened = later(live, part => part.JustHappened);
const LiveConsole = later(live, part => part.LiveConsole);
const HandOut = later(live, part => part.HandOut);
const NotHere = later(offersNotes, part => part.NotHere);
const BootSectors = later(homeLists, part => part.BootSectors);
const MoreComes = later(offersNotes, part => part.MoreComes);
const showsSectors = signal(false);

export const named = (files: File[]) => files.map(file => ({ name: file.name, data: file as Blob }));

export const homePanel: Panel = {
  id: 'home',
  region: 'bench',
  name: strings.hostName,
  show: () => (
    <HostFrame choosing>
      <Home />
    </HostFrame>
  ),
  from: here => (here.kind === 'home' ? undefined : { kind: 'home' }),
};

function Home() {
  const start = started.value;
  // Domain-0 is one; guests that ended are none.
  const systems = domains.value.filter(({ id, state }) => id > 0 && state !== 'c' && state !== 's').length + 1;
  return (
    <div class="body first">
      <div class="hero">
        <div>
          <h1>
            {strings.home.title(systems)} <br />
            {strings.home.title2(systems)}
          </h1>
          <p class="lede">
            {start &&
              pageWords().home.started(
                `${(start.ms / 1000).toFixed(2)} s`,
                strings.home.since[start.after],
                start.bytes ? bytes(start.bytes) : '',
              )}
            {pageWords().home.lede}
          </p>
        </div>
        {afterPrompt.value && <PcpuStrip />}
      </div>
      <div class="cards">
        <BootCard />
        <section class="card">
          <h2>
            <Icon name="drop" size={15} /> {strings.home.drop}
          </h2>
          <p class="sec">{strings.home.dropHint}</p>
          <div class={`dropz${dragging.value ? ' over' : ''}`}>
            <ul>
              {strings.home.dropKinds.map(([kind, what]) => (
                <li key={kind}>
                  <code>{kind}</code>
                  <span>{what}</span>
                </li>
              ))}
            </ul>
            <p>
              <ChooseFiles onFiles={files => void addFiles(named(files))}>{strings.home.choose}</ChooseFiles>{' '}
              <button class="btn quiet" onClick={() => go({ kind: 'defined', name: '' })}>
                {strings.home.write}
              </button>
            </p>
            <p class="sec cf">{dragging.value ? strings.home.dropNow : strings.home.dropTogether}</p>
          </div>
          {(inventory.value?.stored?.checkpoints.length ?? 0) > 0 && <SavedGuests />}
          {anythingGiven.value && <ReopenList />}
        </section>
        <section class="card">
          <h2>
            <Icon name="book" size={15} /> {strings.home.lesson}
          </h2>
          <p class="sec">{strings.home.lessonHint}</p>
          <LessonList>
            <Measured />
          </LessonList>
          <p class="sec cf">
            {strings.home.ownLesson} <a href={AUTHORS}>{strings.home.authors}</a>
            {afterPrompt.value && <HandOut />}
          </p>
        </section>
        <div class="livew">
          {speaking() ? (
            <LiveConsole />
          ) : (
            <section class="win">
              <div class="wt">
                <StateMark state="r" />
                <span class="t">{pageWords().home.log}</span>
                <span class="sec cut">{pageWords().home.logHint}</span>
              </div>
              <div class="wb">
                <XenLog />
              </div>
            </section>
          )}
          {afterPrompt.value && <JustHappened />}
        </div>
      </div>
    </div>
  );
}

/** What can be booted with a click. */
function BootCard() {
  const [best, ...next] = shownOf(offers.value),
    others = offers.value.filter(guest => guest !== best && !next.includes(guest)),
    hasVt = !info.value?.noVt;
  return (
    <section class="card">
      <h2>
        <Icon name="run" size={15} /> {strings.home.boot}
      </h2>
      {hasVt && ofHost({ xen: <Figure />, kvm: null })}
      {/* Which guests there are depends on the host. */}
      {!isListed.value || !(info.value || hostProblem.value) ? (
        <p class="sec" role="status">
          {strings.home.listing}
        </p>
      ) : (
        <>
          {best && <Offers best={best} guests={next} />}
          {notHere.value > 0 && <NotHere />}
          <div class="more-r cf">
            {others.length > 0 && (
              <details class="more-g">
                <summary>{strings.home.all(offers.value.length)}</summary>
                <Offers guests={others} />
              </details>
            )}
            {hasVt && (
              <details
                class="more-g"
                onToggle={event => {
                  showsSectors.value = event.currentTarget.open;
                }}
              >
                <summary title={strings.bootSectors.hint}>{strings.bootSectors.title}</summary>
                {showsSectors.value && <BootSectors />}
              </details>
            )}
          </div>
          {coming.value ? (
            <MoreComes now={coming.value} />
          ) : (
            !isAnyFetched.value && (
              <p class="cf sec">
                {strings.home.moreGuests} <code>{strings.home.moreGuestsCommand}</code>
              </p>
            )
          )}
        </>
      )}
    </section>
  );
}

/** The textbook's, which has guests of Xen. */
const Figure = () => (
  <p class="sec">
    <button
      class="link"
      disabled={bootingTogether.value}
      aria-describedby="figure-hint"
      onClick={() => void bootTogether(FIGURE)}
    >
      {strings.home.figure}
    </button>
    <span id="figure-hint" role="status">
      {bootingTogether.value ? strings.home.figureStarts : strings.home.figureHint}
    </span>
  </p>
);

/** What else measures a machine; four of the five ways need VT. */
const Measured = () => (
  <>
    {!info.value?.noVt && (
      <li>
        <button class="link" aria-describedby="ways-hint" onClick={() => void startWays()}>
          {pageWords().home.ways}
        </button>
        <span class="sec" id="ways-hint">
          {pageWords().home.waysHint}
        </span>
      </li>
    )}
    <li>
      <button class="link" onClick={() => go({ kind: 'experiment' })}>
        {strings.home.experiments}
      </button>
    </li>
  </>
);

/** The guide for authors, and lessons to begin from. */
const AUTHORS = '?time=virtual&lesson=own&view=guide';

/** Shown under the best guest, in this order: one guest of each kind. */
const FIRST = ['pcos', 'minipv-pv', 'minipv-pvh', 'demo'];
/** How many of them: more would push the console out of a window of 900 lines. */
const MOST_FIRST = 3;
/** Longest description that fits in one line, characters. */
const ONE_LINE = 56;

/** `best`: the first of them, with what makes it so. */
const Offers = ({ guests, best }: { guests: readonly Offer[]; best?: Offer }) => (
  <table class="offers" role="table">
    <thead>
      <tr>
        {strings.home.columns.map((name, i) => (
          <th key={name} class={i > 1 ? 'num' : ''} title={i === 4 ? strings.home.readyIn : undefined}>
            {name}
          </th>
        ))}
        <th>
          <span class="hidden">{strings.home.bootButton}</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {best && <OfferRow guest={best} isBest />}
      {guests.map(guest => (
        <OfferRow key={guest.id} guest={guest} />
      ))}
    </tbody>
  </table>
);

/** What to begin with: a saved guest goes on at once; else an unmodified system with a definition of its own; else ours, where it starts; else what does. */
const bestOf = (all: readonly Offer[]): Offer | undefined =>
  all.find(({ saved }) => saved) ??
  all.findLast(({ type }) => type === undefined) ??
  (all.includes(pcos) ? pcos : all[0]);

/** Guests with a row in sight, by id, and all that were offered when those were chosen; of which host. */
let inSight: { of: string; rows: readonly string[]; known: ReadonlySet<string> } | undefined;

/**
 * The best, and some that are below it in sight. What comes while the page is there is behind these: no row takes another's place under a pointer.
 */
function shownOf(all: readonly Offer[]): Offer[] {
  const of = `${info.value?.hypervisor} ${info.value?.noVt}`,
    byId = (ids: readonly string[]): Offer[] => ids.flatMap(id => all.filter(guest => guest.id === id));
  if (inSight?.of === of && byId(inSight.rows).length > 0) {
    const { rows, known } = inSight;
    const more = all.filter(({ id, type }) => type === undefined && !known.has(id) && !rows.includes(id));
    inSight = { of, known, rows: [...rows, ...more.map(({ id }) => id)] };
    return byId(inSight.rows);
  }
  const best = bestOf(all),
    next = byId(FIRST).filter(guest => guest !== best);
  const shown = [...(best ? [best] : []), ...next.slice(0, MOST_FIRST)];
  if (isListed.value && info.value)
    inSight = { of, rows: shown.map(({ id }) => id), known: new Set(all.map(({ id }) => id)) };
  return shown;
}

/** Shows the inspector of them, and begins. */
async function startWays(): Promise<void> {
  go({ kind: 'home', tab: 'inspect', name: 'ways' });
  // Where its script cannot be loaded the inspector says so.
  await comparisons.load().then(
    ({ start }) => start(),
    () => {},
  );
}

/** Boots a guest. The screen of pcos is shown next to its source. */
function boot(guest: Offer): void {
  if (guest !== pcos) return void bootOffer(guest);
  go({ kind: 'pcos' });
  void bootBeside(guest.id, () => makeOffer(guest));
}

/** Of what was fetched Domain 0 knows it, once it has read the definitions. */
const definitionOf = (guest: Offer) => inventory.value?.stored?.defined.find(({ name }) => name === guest.id);

function BootButton({ guest, isBest }: { guest: Offer; isBest?: boolean }) {
  const fetch = fetching.value.get(guest.id);
  // It comes in the other's place: the second click of a double click on that is none on this.
  if (fetch)
    return (
      <button
        class="btn sm"
        disabled={fetch.building}
        onClick={event => {
          if (event.detail < 2) fetch.abort.abort();
        }}
      >
        {strings.home.cancel}
      </button>
    );
  return (
    <button
      class={`btn ${isBest ? 'primary sm' : 'sm'}`}
      aria-label={`${strings.home.bootButton} ${guest.title}`}
      onClick={() => boot(guest)}
    >
      {strings.home.bootButton}
    </button>
  );
}

/** How far it has been fetched, or why it was not. */
function Way({ guest }: { guest: Offer }) {
  const fetch = fetching.value.get(guest.id),
    problem = offerProblems.value.get(guest.id);
  return (
    <>
      {fetch?.building && <span class="sec">{strings.home.building(guest.title)}</span>}
      {fetch?.progress && guest.bytes > 0 && !fetch.building && (
        <>
          <div class="bar">
            <i style={`width:${Math.min(100, (100 * fetch.progress.done) / fetch.progress.all)}%`} />
          </div>
          <span class="sec">{progressText(fetch.progress, performance.now())}</span>
        </>
      )}
      {problem && <Why text={problem} />}
    </>
  );
}

/** Its first line says what to do; what xl says is below. */
function Why({ text }: { text: string }) {
  const [first, ...rest] = text.split('\n');
  return (
    <>
      <Tag kind="failed">
        <span>{first}</span>
      </Tag>
      {rest.length > 0 && <pre class="code">{rest.join('\n')}</pre>}
    </>
  );
}

const Source = ({ guest }: { guest: Offer }) =>
  guest !== pcos ? null : (
    <>
      {' '}
      <button class="link" aria-label={strings.bootSectors.sourceOf(guest.title)} onClick={() => go({ kind: 'pcos' })}>
        {strings.pcos.source}
      </button>
    </>
  );

/** The link to a guest of this name that runs already; Boot starts another one. */
function Runs({ guest }: { guest: Offer }) {
  const domain = living.value.find(({ name }) => name === guest.id);
  return domain ? (
    <>
      {' '}
      <button
        class="link"
        aria-label={strings.home.openRunning(guest.title)}
        onClick={() => go({ kind: 'domain', id: domain.id })}
      >
        {strings.home.runs}
      </button>
    </>
  ) : null;
}

/** A guest that has not been booted here has no time. */
function ReadyIn({ guest }: { guest: Offer }) {
  const ms = readyIn.value[guest.id];
  return (
    <td
      class={`num nw${ms === undefined ? ' dim' : ''}`}
      title={ms === undefined ? strings.home.notYet : strings.home.readyIn}
    >
      {ms === undefined ? strings.tree.noData : strings.home.seconds(ms)}
    </td>
  );
}

function OfferRow({ guest, isBest = false }: { guest: Offer; isBest?: boolean }) {
  const fetch = fetching.value.get(guest.id),
    known = definitionOf(guest),
    type = guest.type ?? known?.type,
    memoryMiB = known?.memoryMiB;
  return (
    <>
      <tr class={isBest ? 'best' : undefined}>
        <td>
          <span class="b">{guest.title}</span>
          <Runs guest={guest} />
          {!isBest && (
            <span class={`sec meta-line${guest.about.length < ONE_LINE ? ' one' : ''}`}>
              {guest.about}
              <Source guest={guest} />
            </span>
          )}
        </td>
        <td>{type && <ModeBadge type={type} />}</td>
        <td class="num nw">{memoryMiB ? `${memoryMiB} MiB` : strings.tree.noData}</td>
        <td class="num nw">{guest.bytes > 0 ? bytes(guest.bytes) : strings.home.small}</td>
        <ReadyIn guest={guest} />
        <td class="num">
          <BootButton guest={guest} isBest={isBest} />
        </td>
      </tr>
      {isBest && (
        <tr class="more">
          <td colSpan={6} title={guest.about}>
            <Tag kind="done">{strings.home.best}</Tag>
            <span class="sec">
              {guest.about.split(/(?<=\.) /)[0]}
              <Source guest={guest} />
            </span>
          </td>
        </tr>
      )}
      {((fetch?.progress && guest.bytes > 0) || fetch?.building || offerProblems.value.has(guest.id)) && (
        <tr class="more">
          <td colSpan={6} role="status">
            <Way guest={guest} />
          </td>
        </tr>
      )}
    </>
  );
}
