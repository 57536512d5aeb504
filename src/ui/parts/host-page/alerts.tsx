/** What somebody is to look at, above all else of the host. */

import './alerts.css';
import { domains } from '../../host.ts';
import { inventory } from '../../inventory.ts';
import { go } from '../../navigation.ts';
import { Tag } from '../marks.tsx';
import { alertsOf } from './alerts-of.ts';

const TITLE = 'Alerts';

export function Alerts() {
  const stored = inventory.value?.stored,
    alerts = alertsOf(domains.value, stored?.defined ?? [], stored?.disk);
  if (alerts.length === 0) return null;
  return (
    <section aria-label={TITLE}>
      <div class="ph">
        <h3>{TITLE}</h3>
        <span class="sec">{alerts.length}</span>
      </div>
      <ul class="alerts">
        {alerts.map(({ key, sentence, to, go: label }) => (
          <li key={key} class="row wrap">
            <Tag kind="failed">
              <span>{sentence}</span>
            </Tag>
            <button class="link" aria-label={`${label}: ${sentence}`} onClick={() => go(to)}>
              {label}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
