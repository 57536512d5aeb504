/** What can be done with a host whose files are damaged. */
import { downloadKept, problem, setAside, settingAside } from '../damaged-state.ts';
import { Tag } from './marks.tsx';

const words = {
  download: 'Download the damaged files',
  begin: 'Begin a new host …',
  asks: 'The damaged files are set aside and a new, empty host is kept from now on. The page does not show the old files afterwards: download them first. Files that were set aside earlier are deleted. On a computer, tar -xf ringside-state.tar and ringside storage --state ringside-state repair save what can be read.',
  now: 'Set aside and begin',
  keep: 'Leave it',
  going: 'A new host begins …',
};

export function DamagedState() {
  const asked = settingAside.value;
  return (
    <>
      <div class="row wrap">
        <button class="btn sm" onClick={() => void downloadKept()}>
          {words.download}
        </button>
        {asked === undefined && (
          <button
            class="btn sm"
            onClick={() => {
              settingAside.value = 'asked';
            }}
          >
            {words.begin}
          </button>
        )}
      </div>
      {asked === 'going' && <p role="status">{words.going}</p>}
      {asked === 'asked' && (
        <div class="ask" role="group" aria-label={words.begin}>
          <p>{words.asks}</p>
          <div class="row wrap">
            <button
              class="btn sm"
              autoFocus
              onClick={() => {
                settingAside.value = undefined;
              }}
            >
              {words.keep}
            </button>
            <button class="btn sm primary" onClick={() => void setAside()}>
              {words.now}
            </button>
          </div>
        </div>
      )}
      {problem.value !== undefined && <Tag kind="failed">{problem.value}</Tag>}
    </>
  );
}
