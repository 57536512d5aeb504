/**
 * A reporter of vitest that writes down each file of tests as it begins and as it ends, a line of JSON each: what a run that is ended by its limit had
 * shown, and which files it was at. vitest's own JSON comes at the end of a run or not at all.
 */
import { appendFileSync } from 'node:fs';

const path = process.env.RINGSIDE_ENDED_FILES;
const write = line => appendFileSync(path, `${JSON.stringify(line)}\n`);

export default class EndedFiles {
  onTestModuleStart({ moduleId }) {
    write({ begun: moduleId });
  }

  onTestModuleEnd(file) {
    const tests = [...file.children.allTests()].map(test => {
      const { state, errors = [] } = test.result();
      return { title: test.fullName, state, errors: errors.map(({ message }) => message) };
    });
    const errors = file.errors().map(({ message }) => message);
    write({ ended: file.moduleId, state: file.state(), ms: file.diagnostic().duration, errors, tests });
  }
}
