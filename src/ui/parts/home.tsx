/** First view: boot something, drop a definition, start a lesson. */

import { signal } from '@preact/signals';
import { info } from '../host.ts';
import { inventory } from '../inventory.ts';
import { FIGURE, type Offer, offers, pcos, progressText } from '../offers.ts';
import { fourWays } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { addFiles, bootBeside, bootingTogether, bootOffer, bootTogether, dragging, fetching, go, makeOffer, offerProblems } from '../state.ts';
import { strings } from '../strings.ts';
import { bytes } from '../terminal.ts';
import { HostFrame } from './host-bar.tsx';
import { LessonList } from './lesson.tsx';
import { later } from './later.tsx';
import { ChooseFiles, Icon, ModeBadge, Tag } from './marks.tsx';

const ReopenList = later(() => import('./reopen-list.tsx'), part => part.ReopenList);
const SavedGuests = later(() => import('./checkpoints.tsx'), part => part.SavedGuests);
const BootSectors = later(() => import('./boot-sectors.tsx'), part => part.BootSectors);
const showsSectors = signal(false);

export const named = (files: File[]) => files.map(file => ({ name: file.name, data: file as Blob }));

export const homePanel: Panel = {
  id: 'home',
  region: 'bench',
  name: strings.hostName,
  show: () => <HostFrame choosing><Home /></HostFrame>,
  from: here => (here.kind === 'home' ? undefined : { kind: 'home' }),
};

function Home() {
  return <div class="body first">
    <div class="hero"><div>
      <h1>{strings.home.title} <br />{strings.home.title2}</h1>
      <p class="lede">{strings.home.lede} {info.value && strings.home.facts(info.value.memoryMiB)}</p>
    </div>
      <div class="figures">
        <div><button class="btn primary big" disabled={bootingTogether.value} aria-describedby="figure-hint" onClick={() => void bootTogether(FIGURE)}><Icon name="run" />{strings.home.figure}</button>
            <p id="figure-hint" role="status">{bootingTogether.value ? strings.home.figureStarts : strings.home.figureHint}</p></div>
        <div><button class="btn big" aria-describedby="ways-hint" onClick={() => void startWays()}><Icon name="run" />{strings.home.ways}</button>
            <p id="ways-hint">{strings.home.waysHint}</p></div>
        </div>
    </div>
    <div class="cards">
      <section class="card">
        <h2><Icon name="run" size={15} /> {strings.home.boot}</h2>
        <p class="sec">{strings.home.bootHint}</p>
        <table class="offers" role="table"><thead><tr><th>{strings.home.guest}</th><th>{strings.home.mode}</th><th class="num">{strings.home.download}</th><th /></tr></thead>
          <tbody>{offers.value.map(guest => <OfferRow key={guest.id} guest={guest} />)}</tbody></table>
        <details class="more-g" onToggle={event => { showsSectors.value = event.currentTarget.open; }}>
          <summary>{strings.bootSectors.title}<span class="sec"> · {strings.bootSectors.hint}</span></summary>{showsSectors.value && <BootSectors />}</details>
        {offers.value.every(({ bytes: size }) => size === 0) && <p class="cf sec">{strings.home.moreGuests} <code>{strings.home.moreGuestsCommand}</code></p>}
      </section>
      <section class="card">
        <h2><Icon name="drop" size={15} /> {strings.home.drop}</h2>
        <p class="sec">{strings.home.dropHint}</p>
        <div class={`dropz${dragging.value ? ' over' : ''}`}>
          <ul>{strings.home.dropKinds.map(([kind, what]) => <li key={kind}><code>{kind}</code><span>{what}</span></li>)}</ul>
          <p class="sec">{dragging.value ? strings.home.dropNow : strings.home.dropTogether}</p>
          <p><ChooseFiles onFiles={files => void addFiles(named(files))}>{strings.home.choose}</ChooseFiles> <button class="btn" onClick={() => go({ kind: 'defined', name: '' })}>{strings.home.write}</button></p>
        </div>
        {(inventory.value?.stored?.checkpoints.length ?? 0) > 0 && <SavedGuests />}
        <ReopenList />
      </section>
      <section class="card">
        <h2><Icon name="prompt" size={15} /> {strings.home.lesson}</h2>
        <p class="sec">{strings.home.lessonHint}</p>
        <LessonList />
        <p class="sec cf">{strings.home.ownLesson}</p>
      </section>
      <figure class="path">
        <h3>{strings.path.title}</h3>
        <ol>{strings.path.steps.map(([owner, who, what, does]) => <li key={who} class={owner}><b class="dom">{who}</b><code>{what}</code><p>{does}</p></li>)}</ol>
        <figcaption>{strings.path.caption}</figcaption>
      </figure>
    </div>
  </div>;
}

/** Shows the inspector of them, and begins. */
async function startWays(): Promise<void> {
  go({ kind: 'home', tab: 'inspect', name: 'ways' });
  // Where its script cannot be loaded the inspector says so.
  await fourWays().then(({ start }) => start(), () => {});
}

/** One whose source is here is shown beside it. */
function boot(guest: Offer): void {
  if (guest !== pcos) return void bootOffer(guest);
  go({ kind: 'pcos' });
  void bootBeside(guest.id, () => makeOffer(guest));
}

function OfferRow({ guest }: { guest: Offer }) {
  const fetch = fetching.value.get(guest.id);
  const problem = offerProblems.value.get(guest.id);
  // Of what was fetched Domain 0 knows it, once it has read the definitions.
  const type = guest.type ?? inventory.value?.stored?.defined.find(({ name }) => name === guest.id)?.type;
  return <>
    <tr>
      <td><span class="b">{guest.title}</span><span class="sec meta-line" title={guest.about}>{guest.about}
        {guest === pcos && <> <button class="link" aria-label={strings.bootSectors.sourceOf(guest.title)} onClick={() => go({ kind: 'pcos' })}>{strings.pcos.source}</button></>}</span></td>
      <td>{type && <ModeBadge type={type} />}</td>
      <td class={`num nw${guest.bytes ? '' : ' none'}`}>{guest.bytes ? bytes(guest.bytes) : strings.home.embedded}</td>
      <td class="num">{fetch
        ? <button class="btn sm" disabled={fetch.building} onClick={() => fetch.abort.abort()}>{strings.home.cancel}</button>
        : <button class="btn sm" aria-label={`${strings.home.bootButton} ${guest.title}`} onClick={() => boot(guest)}>{strings.home.bootButton}</button>}</td>
    </tr>
    {(fetch?.progress && guest.bytes > 0 || fetch?.building || problem) && <tr class="more"><td colSpan={4} role="status">
      {fetch?.building && <span class="sec">{strings.home.building(guest.title)}</span>}
      {fetch?.progress && guest.bytes > 0 && !fetch.building && <>
        <div class="bar"><i style={`width:${Math.min(100, 100 * fetch.progress.done / fetch.progress.all)}%`} /></div><span class="sec">{progressText(fetch.progress, performance.now())}</span></>}
      {problem && <Tag kind="failed"><span>{problem}</span></Tag>}
    </td></tr>}
  </>;
}
