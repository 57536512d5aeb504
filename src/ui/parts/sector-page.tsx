/** The source of a boot sector with what it is assembled to, and the guest that was booted from it next to it. */

import { useEffect } from 'preact/hooks';
import {
  type BootSector,
  bootSector,
  edits,
  editSector,
  editsRead,
  made,
  makeSector,
  SECTORS,
  textOf,
  trouble,
} from '../sectors.ts';
import { bytesUsed } from '../sector-problem.ts';
import { sessions } from '../sessions.ts';
import { booted, download, go } from '../navigation.ts';
import { viewStrings } from '../view-strings.ts';
import { SourceScreen } from './source-screen.tsx';
import { Icon, Tag } from './marks.tsx';
import { SourceText } from './source-text.tsx';

const words = viewStrings.bootSectors;

export function SectorPage({ name }: { name: string }) {
  const sector = SECTORS.find(each => each.name === name);
  if (!sector)
    return (
      <div class="body">
        <p class="stop" role="alert">
          <Tag kind="failed">{words.unknown(name)}</Tag>
        </p>
      </div>
    );
  return <Sector key={name} sector={sector} />;
}

function Sector({ sector }: { sector: BootSector }) {
  const { name, title } = sector;
  useEffect(() => void editsRead.then(() => makeSector(sector)), [sector]);
  const text = textOf(sector);
  const latest = made.value.get(name);
  // What was assembled of another text says nothing about this one.
  const now = latest?.text === text.replace(/\r\n?/g, '\n') ? latest : undefined;
  const isEdited = name in edits.value;
  const session = sessions.value.get(booted.value.get(name) ?? 0);
  const good = now && now.problems.length === 0 && now.problem === undefined;
  const boot = () => void bootSector(sector);
  return (
    <div
      class="sector"
      onKeyDown={event => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
        event.preventDefault();
        boot();
      }}
    >
      <div class="bh">
        <div class="row wrap">
          <h2 class="hidden">{title}</h2>
          <label>
            <span class="hidden">{words.choose}</span>
            <select
              class="btn b"
              value={name}
              onChange={event => go({ kind: 'sector', name: event.currentTarget.value })}
            >
              {SECTORS.map(each => (
                <option key={each.name} value={each.name}>
                  {each.title}
                </option>
              ))}
            </select>
          </label>
          <span class="sec" role="status">
            {!now
              ? words.assembling
              : now.problems.length > 0
                ? words.mistakes(now.problems.length)
                : words.used(bytesUsed(now.bytes))}
            {isEdited && `, ${words.edited}`}
          </span>
          <span class="grow" />
          <div class="row wrap tools" role="toolbar" aria-label={title}>
            <button
              class="btn"
              disabled={!isEdited}
              onClick={() => {
                editSector(sector, sector.source);
                void makeSector(sector);
              }}
            >
              <Icon name="reset" />
              {words.reset}
            </button>
            <button class="btn" onClick={() => download(new Blob([text], { type: 'text/plain' }), `${name}.asm`)}>
              {name}.asm
            </button>
            <button
              class="btn"
              disabled={!now || now.bytes.length === 0}
              onClick={() => download(new Blob([now!.bytes as Uint8Array<ArrayBuffer>]), `${name}.img`)}
            >
              {name}.img
            </button>
            <button class="btn primary" aria-keyshortcuts="Control+Enter" title={words.bootKey} onClick={boot}>
              <Icon name="run" />
              {session && !session.gone.value ? words.bootAgain(title) : words.boot(title)}
            </button>
          </div>
        </div>
      </div>
      {now?.problem !== undefined && (
        <p class="note bad" role="alert">
          <Tag kind="error">
            <span>{now.problem}</span>
          </Tag>
        </p>
      )}
      {trouble.value !== undefined && (
        <p class="note bad" role="alert">
          <Tag kind="failed">
            <span>{trouble.value}</span>
          </Tag>
        </p>
      )}
      <div class="sector-b">
        <SourceText label={words.sourceOf(title)} text={text} made={now} onType={next => editSector(sector, next)} />
        <SourceScreen session={session} hint={good === false ? words.mend : words.notBooted} />
      </div>
    </div>
  );
}
