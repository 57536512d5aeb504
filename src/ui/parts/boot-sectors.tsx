/** A dozen programs of one sector each (guests/bootsectors): what each does, its source, and a button that boots it. */

import { signal } from '@preact/signals';
import { type Offer, progressText } from '../offers.ts';
import { bootOffer, fetching, offerProblems } from '../state.ts';
import { strings } from '../strings.ts';
import { Icon, Tag } from './marks.tsx';

const words = strings.bootSectors;
const sources = import.meta.glob<string>('../../../guests/bootsectors/*.asm', { query: '?raw', import: 'default', eager: true });
const images = import.meta.glob<string>('../../../guests/bootsectors/*.img', { query: '?url', import: 'default', eager: true });

interface BootSector extends Offer {
  source: string;
}

/** A source begins with its title and a paragraph, in comments. */
function sector([path, text]: [string, string]): BootSector {
  const [head = ''] = text.split('\n\n', 1);
  const [title = '', , ...about] = head.split('\n').map(line => line.replace(/^; ?/, ''));
  const image = path.replace(/asm$/, 'img');
  const name = image.slice(image.lastIndexOf('/') + 1);
  return { id: `bootsectors/${name}`, title, about: about.join(' '), bytes: 0, files: [{ name, url: new URL(images[image]!, document.baseURI).href }], source: text.slice(head.length).replace(/^\n+/, '') };
}
const SECTORS = Object.entries(sources).map(sector);
const chosen = signal(SECTORS[0]!);

export function BootSectors() {
  const { title, about, source } = chosen.value;
  const problem = offerProblems.value.get(chosen.value.id);
  const progress = fetching.value.get(chosen.value.id)?.progress;
  return <div class="sectors">
    <p class="seg" role="group" aria-label={words.title}>{SECTORS.map(each => <button key={each.id} type="button" aria-pressed={each === chosen.value} onClick={() => { chosen.value = each; }}>{each.title}</button>)}</p>
    <p>{about}</p>
    <p class="row"><button type="button" class="btn sm" onClick={() => void bootOffer(chosen.peek())}><Icon name="run" />{words.boot(title)}</button>
      {progress && <span class="sec" role="status">{progressText(progress, performance.now())}</span>}{problem && <Tag kind="failed">{problem}</Tag>}</p>
    <pre class="code" role="region" aria-label={words.sourceOf(title)} tabIndex={0}>{source}</pre>
  </div>;
}
