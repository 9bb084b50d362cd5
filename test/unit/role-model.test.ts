/** A bounded part of `npm run model`: the small worlds, and every spoiled reducer. */
import test from 'ava';
import { MUTANTS } from '../model/mutants.ts';
import { RULES } from '../model/rules.ts';
import { search } from '../model/search.ts';
import { Model } from '../model/world.ts';
import { SMALL } from '../model/worlds.ts';

/** Of each world; `npm run model` visits all. */
const STATES = 6_000;
/** Each mutant is found out in fewer. */
const MUTANT_STATES = 150_000;

for (const [name, limits] of Object.entries(SMALL)) {
  test(`nothing that can happen breaks a promise: ${name}`, (t) => {
    const { violation } = search(new Model(limits, RULES), STATES, 18);
    t.is(violation, undefined, JSON.stringify(violation));
  });
}

for (const { name, world, rules } of MUTANTS) {
  test(`the checker finds out when ${name}`, (t) => {
    const { violation, states } = search(new Model(SMALL[world], { ...RULES, ...rules }), MUTANT_STATES, 20);
    t.not(violation, undefined, `${states} states`);
  });
}
