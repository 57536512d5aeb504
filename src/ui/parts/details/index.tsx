/** A domain's hardware: what there is at the left, a page for each at the right, as a form or as XML. */

import './details.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Hardware } from '../../../dom0/service/index.ts';
import { host, living } from '../../host.ts';
import { useAskedAsTasksEnd } from '../asked.ts';
import { Icon, Problem } from '../marks.tsx';
import { AddHardware } from './add-hardware.tsx';
import { type Choices, DevicePage, DeviceXml, type PageProps } from './device-pages.tsx';
import { DomainXml } from './domain-xml.tsx';
import { BootPage, MemoryPage, OverviewPage, ProcessorsPage } from './machine-pages.tsx';
import { ADD, BOOT, CPUS, MEMORY, OVERVIEW, type Page, pagesOf } from './shapes.ts';
import { words } from './words.ts';

const PANEL = 'device-panel';
/** Keys have spaces, by which a list of ids is divided. */
const tabId = (key: string): string => `${PANEL}-${key.replace(/\W/g, '-')}`;
const NO_CHOICES: Choices = { disks: [], taken: [], networks: [] };

/** `name`: of a domain that runs, is defined, or both. */
export function DetailsPage({ name }: { name: string }) {
  const hardware = useSignal<Hardware | undefined>(undefined),
    choices = useSignal<Choices | undefined>(undefined),
    problem = useSignal(''),
    asked = useSignal(0),
    said = useSignal('');
  const runs = living.value.find(each => each.name === name)?.id;
  useAskedAsTasksEnd(
    [name, runs, asked.value],
    () => host.consult('hardware', name),
    seen => {
      hardware.value = seen;
      problem.value = '';
    },
    problem,
  );
  useEffect(() => {
    Promise.all([host.openDefinition(), host.consult('networks')]).then(
      ([{ choices: opened }, networks]) => {
        choices.value = { ...opened, networks };
      },
      () => {
        choices.value = NO_CHOICES;
      },
    );
  }, [name]);
  if (problem.value)
    return (
      <div class="body">
        <Problem>{problem.value}</Problem>
      </div>
    );
  // A form offers a first choice as it opens, so it waits for what there is to choose.
  if (!hardware.value || hardware.value.name !== name || !choices.value) return <div class="body" />;
  return (
    <Shown
      hardware={hardware.value}
      choices={choices.value}
      said={said.value}
      done={() => {
        said.value = words.done;
        asked.value++;
      }}
      look={() => {
        said.value = '';
      }}
    />
  );
}

function Shown({ said, look, ...props }: PageProps & { said: string; look(): void }) {
  const { hardware } = props,
    pages = pagesOf(hardware);
  const chosen = useSignal(OVERVIEW),
    inXml = useSignal(false);
  const page = pages.find(({ key }) => key === chosen.value),
    key = page || chosen.value === ADD ? chosen.value : OVERVIEW;
  const choose = (to: string): void => {
    look();
    chosen.value = to;
  };
  const canXml = key === OVERVIEW || page?.device !== undefined,
    isXml = inXml.value && canXml;
  return (
    <div class="hw">
      <List name={hardware.name} pages={pages} chosen={key} choose={choose} />
      <section
        class={`hw-p${isXml && key === OVERVIEW ? ' whole' : ''}`}
        role="tabpanel"
        id={PANEL}
        aria-labelledby={tabId(key)}
      >
        <div class="ph">
          <h3>{key === ADD ? words.add : (page ?? pages[0]!).name}</h3>
          {page?.note && <span class="sec">{page.note}</span>}
          <span class="grow" />
          {canXml && (
            <div class="seg" role="group" aria-label={words.views}>
              {[false, true].map(xml => (
                <button
                  key={String(xml)}
                  type="button"
                  aria-pressed={isXml === xml}
                  onClick={() => {
                    inXml.value = xml;
                  }}
                >
                  {xml ? words.xml : words.details}
                </button>
              ))}
            </div>
          )}
        </div>
        <p class="cap-t" role="status">
          {said}
        </p>
        <datalist id="dev-disks">
          {props.choices.disks.map(path => (
            <option key={path} value={path} />
          ))}
        </datalist>
        {/* What was added is not proposed again. */}
        <Content
          key={key === ADD ? `${key} ${hardware.devices.length}` : `${key} ${isXml}`}
          {...props}
          page={page}
          of={key}
          isXml={isXml}
        />
      </section>
    </div>
  );
}

/** One Tab stop, arrow keys between them (ARIA tabs pattern). */
function List({
  name,
  pages,
  chosen,
  choose,
}: {
  name: string;
  pages: readonly Page[];
  chosen: string;
  choose(key: string): void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const keys = [...pages.map(({ key }) => key), ADD];
  // On a phone they are next to each other, and not all are in sight.
  useEffect(
    () => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }),
    [chosen],
  );
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = keys.indexOf(chosen);
    const to = { ArrowUp: at - 1 + keys.length, ArrowDown: at + 1, Home: 0, End: keys.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(keys[to % keys.length]!);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('[aria-selected=true]')?.focus());
  };
  const tab = (key: string, label: string, note?: string) => (
    <button
      key={key}
      type="button"
      role="tab"
      id={tabId(key)}
      class={key === ADD ? 'add' : ''}
      aria-controls={PANEL}
      aria-selected={key === chosen}
      tabIndex={key === chosen ? 0 : -1}
      onClick={() => choose(key)}
    >
      {key === ADD && <Icon name="plus" />}
      <span>{label}</span>
      {note && <small>{note}</small>}
    </button>
  );
  return (
    <div
      class="hw-l"
      role="tablist"
      aria-orientation="vertical"
      aria-label={words.list(name)}
      ref={list}
      onKeyDown={onKeyDown}
    >
      {pages.map(({ key, name: label, note }) => tab(key, label, note))}
      {tab(ADD, words.add)}
    </div>
  );
}

function Content({ page, of, isXml, ...props }: PageProps & { page: Page | undefined; of: string; isXml: boolean }) {
  if (of === ADD) return <AddHardware {...props} />;
  if (page?.device)
    return isXml ? <DeviceXml {...props} device={page.device} /> : <DevicePage {...props} device={page.device} />;
  if (of === CPUS) return <ProcessorsPage {...props} />;
  if (of === MEMORY) return <MemoryPage {...props} />;
  if (of === BOOT) return <BootPage {...props} />;
  return isXml ? <DomainXml {...props} /> : <OverviewPage {...props} />;
}
