'use strict';
/*
 * A page that is reached by Back is made anew: its forms have new marks, and what was sent from them once would be
 * written again. So the marks that were sent stay with the page's place in the history, and come back with it
 * (qhse/adminsite/once.py). So does what was chosen in a picker, which browsers do not bring back as they do texts.
 * Without JavaScript a double click and a resend are recognised all the same.
 */
{
    const stateOf = (form) => ({
        mark: form.elements._mark.value,
        chosen: [...form.querySelectorAll('select.admin-autocomplete')].flatMap((select) =>
            [...select.selectedOptions].map((option) => [select.name, option.value, option.text])),
    });

    const bringBack = (form, {mark, chosen}) => {
        form.elements._mark.value = mark;
        chosen.forEach(([name, value, text]) => {
            const select = form.elements[name];
            if (select && ![...select.options].some((option) => option.value === value)) {
                select.add(new Option(text, value, true, true));
            }
        });
    };

    const sent = () => (history.state && history.state.sent) || {};

    document.addEventListener('submit', ({target: form}) => {
        if (form.elements._mark) {
            const index = [...document.forms].indexOf(form);
            history.replaceState({...history.state, sent: {...sent(), [index]: stateOf(form)}}, '');
        }
    });

    const [visit] = performance.getEntriesByType('navigation');
    if (visit && visit.type === 'back_forward') {
        Object.entries(sent()).forEach(([index, state]) => {
            const form = document.forms[index];
            if (form && form.elements._mark) {
                bringBack(form, state);
            }
        });
    }
}
