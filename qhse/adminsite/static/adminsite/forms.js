'use strict';
/*
 * A page that is reached by Back is made anew: its forms have new marks, and what was sent from them once would be
 * written again. So the marks of a page stay with its place in the history, and come back with it
 * (qhse/adminsite/once.py). So does what was chosen in a picker, which browsers do not bring back as they do texts.
 * Without JavaScript a double click and a resend are recognised all the same.
 */
{
    const forms = [...document.forms].filter((form) => form.elements._mark);
    const chosenIn = (form) => [...form.querySelectorAll('select.admin-autocomplete')].flatMap((select) =>
        [...select.selectedOptions].map((option) => [select.name, option.value, option.text]));

    const choose = (form, [name, value, text]) => {
        const select = form.elements[name];
        if (select && ![...select.options].some((option) => option.value === value)) {
            select.add(new Option(text, value, true, true));
        }
    };

    const [visit] = performance.getEntriesByType('navigation');
    const former = history.state && history.state.marks;
    if (visit && visit.type === 'back_forward' && former && former.length === forms.length) {
        forms.forEach((form, index) => {
            form.elements._mark.value = former[index];
            JSON.parse(sessionStorage.getItem(former[index]) || '[]').forEach((each) => choose(form, each));
        });
    }
    // Now and not when a form is sent: a change of the history would look like the navigation itself.
    history.replaceState({...history.state, marks: forms.map((form) => form.elements._mark.value)}, '');

    document.addEventListener('submit', ({target: form}) => {
        const chosen = form.elements._mark ? chosenIn(form) : [];
        if (chosen.length) {
            sessionStorage.setItem(form.elements._mark.value, JSON.stringify(chosen));
        }
    });
}
