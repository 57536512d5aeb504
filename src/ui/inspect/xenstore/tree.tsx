/** Nodes as rows of a table, by keys too: arrows go from row to row, and open and close a folder. */

import { useEffect, useRef } from 'preact/hooks';
import { nameOf } from '../../host.ts';
import { PHONE } from '../../media.ts';
import { Chip, Icon } from '../../parts/marks.tsx';
import { type Data, type TreeRow, watcherText } from './facts.ts';
import { shownValue } from './value.tsx';
import { words } from './words.ts';

interface TreeProps {
  rows: readonly TreeRow[];
  watches: Data['watches'];
  chosen: string;
  /** The state of the other side. */
  pair: string | undefined;
  choose(path: string): void;
  /** Closes a folder that `isOpen`, and opens one that is not. */
  toggle(path: string, isOpen: boolean): void;
}

export function Tree(props: TreeProps) {
  const { rows, chosen, toggle } = props,
    body = useRef<HTMLTableSectionElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...body.current!.querySelectorAll<HTMLElement>('.pickrow')],
      at = buttons.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      buttons[Math.max(0, Math.min(buttons.length - 1, to))]?.focus();
      return;
    }
    const row = rows[at];
    if (!row || !row.isFolder || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return;
    event.preventDefault();
    toggle(row.node.path, event.key === 'ArrowLeft');
  };
  // What the panel next to the tree describes is in view from the beginning.
  useEffect(() => {
    const row = body.current?.querySelector<HTMLElement>('tr.sel');
    if (!matchMedia(PHONE).matches) row?.scrollIntoView({ block: 'nearest' });
  }, []);
  const stop = rows.some(({ node }) => node.path === chosen) ? chosen : rows[0]?.node.path;
  return (
    <div class="tree-w">
      <div class="tree-i">
        <table class="xst picks">
          <thead>
            <tr>
              <th>{words.path}</th>
              <th>{words.value}</th>
              <th>{words.permissions}</th>
              <th>{words.watchers}</th>
            </tr>
          </thead>
          <tbody ref={body} onKeyDown={onKeyDown}>
            {rows.map(row => (
              <NodeRow key={row.node.path} {...props} row={row} isStop={row.node.path === stop} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** `isStop`: the Tab key leads there. */
function NodeRow({
  row: { node, depth, label, isFolder, isOpen, hasFired, heardMs },
  isStop,
  watches,
  chosen,
  pair,
  choose,
  toggle,
}: TreeProps & { row: TreeRow; isStop: boolean }) {
  const { path, permissions, children } = node;
  return (
    <tr
      class={`${children > 0 ? 'branch' : 'leaf'}${path === chosen ? ' sel' : ''}${path === pair ? ' pair' : ''}${hasFired ? ' fired' : ''}`}
      onClick={() => choose(path)}
      style={`--d:${depth}`}
    >
      <td class="m p">
        {isFolder ? (
          <button
            class="twist"
            tabIndex={-1}
            aria-label={isOpen ? words.close(path) : words.open(path)}
            onClick={event => {
              event.stopPropagation();
              toggle(path, isOpen);
            }}
          >
            <Icon name={isOpen ? 'down' : 'right'} size={9} />
          </button>
        ) : (
          <i />
        )}
        <button
          class="pickrow"
          tabIndex={isStop ? 0 : -1}
          aria-pressed={path === chosen}
          aria-label={path}
          onClick={() => choose(path)}
        >
          {label}
        </button>
      </td>
      <td class="v m">{shownValue(node)}</td>
      <td class="r m nw">
        <Chip id={Number(/\d+/.exec(permissions)?.[0] ?? 0)} /> {permissions}
      </td>
      <td class="w">
        {watcherText(path, watches, nameOf)}
        {heardMs !== undefined && <span class="fw">{words.firedAt(heardMs)}</span>}
        {hasFired && <span class="fw">{words.fired}</span>}
      </td>
    </tr>
  );
}
