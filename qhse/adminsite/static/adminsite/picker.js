'use strict';
/*
 * Mends Django's pickers of records (Select2 4.0.13).
 *
 * What is highlighted is always of the text that has been typed. Select2 leaves the results of an earlier text
 * highlighted until the answer comes, and Enter would choose the first of them. Without a result Enter does nothing.
 *
 * A picker that has the focus takes keys: Django focuses the hidden <select>, and Select2 looks focused and hears
 * nothing. A letter opens it and goes into the search.
 */
{
    const $ = django.jQuery;

    const letter = (event) =>
        event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey && !event.altKey;

    const mend = (select) => {
        const picker = $(select).data('select2');
        const selection = picker.$selection[0];
        // After Select2's own listeners: what they leave of the former results goes, the line "Searching" stays.
        picker.on('query', () => picker.$results.children().not('.loading-results').remove());
        picker.on('open', () => setTimeout(() => picker.dropdown.$search[0].focus()));
        selection.addEventListener('keydown', (event) => {
            if (letter(event) && !picker.isOpen()) {
                picker.open();
                picker.dropdown.$search[0].focus(); // now, so that the browser types the letter into it
            }
        });
        const pass = () => setTimeout(() => selection.focus());
        select.addEventListener('focus', pass);
        if (document.activeElement === select) {
            pass();
        }
    };

    $(() => document.querySelectorAll('.admin-autocomplete.select2-hidden-accessible').forEach(mend));
}
