/** What was chosen in a list, and what can be done with all of it. */

import { bulkActions, chosenRows, chosenText } from '../bulk.ts';
import { together } from '../selection.ts';
import { spelled } from '../hypervisors/spelled.ts';

together.actions = () => bulkActions(chosenRows());

export function ChosenBar() {
  const rows = chosenRows();
  if (rows.running.length + rows.defined.length === 0) return null;
  const text = chosenText(rows);
  return (
    <div class="row wrap chosen" role="toolbar" aria-label={text}>
      <b role="status">{text}</b>
      {bulkActions(rows).map(({ name, command, run }, i, all) => (
        <button
          key={i === all.length - 1 ? 'none' : (command?.verb ?? name)}
          class={`btn sm${command ? '' : ' quiet'}`}
          title={command && spelled(command)}
          onClick={run}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
