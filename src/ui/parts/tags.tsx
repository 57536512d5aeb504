/** A guest's tags: one field for all of them, and each to filter lists by. */
import { filter } from '../selection.ts';
import { TypedInput } from './typed.tsx';

const words = {
  name: 'Tags',
  hint: 'web production',
  only: (tag: string) => `Show guests tagged ${tag}`,
};
export const tagWords = words;

/** Tags of a text, as somebody writes them. */
export const tagsIn = (written: string): string[] => [
  ...new Set(
    written
      .split(/[\s,;]+/)
      .map(tag => tag.replace(/^#+/, ''))
      .filter(Boolean),
  ),
];

export const filterByTag = (tag: string): void => {
  filter.value = `#${tag}`;
};

interface Props {
  id: string;
  tags: readonly string[];
  commit(tags: string[]): void;
  'aria-invalid'?: boolean;
}

export const TagsField = ({ tags, commit, ...others }: Props) => (
  <>
    <TypedInput
      {...others}
      class="in"
      placeholder={words.hint}
      spellcheck={false}
      autocomplete="off"
      value={tags.join(' ')}
      commit={written => {
        const next = tagsIn(written);
        if (next.join(' ') !== tags.join(' ')) commit(next);
      }}
    />
    {tags.length > 0 && (
      <span class="row wrap">
        {tags.map(tag => (
          <button
            key={tag}
            type="button"
            class="btn quiet sm"
            aria-label={words.only(tag)}
            onClick={() => filterByTag(tag)}
          >
            #{tag}
          </button>
        ))}
      </span>
    )}
  </>
);
