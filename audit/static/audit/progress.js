'use strict';
/*
 * While the trail is being verified, the parts of the page that tell of it are read anew. Nothing else is touched, so
 * that whoever writes a note meanwhile loses neither text nor focus. Without JavaScript the page is loaded again by hand.
 */
{
    const running = () => document.querySelector('[data-running]');

    const renew = async () => {
        const answer = await fetch(location.href, {headers: {'X-Requested-With': 'XMLHttpRequest'}});
        if (!answer.ok || answer.redirected) {
            return; // logged out, say: what stands there stays
        }
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const isOver = !page.querySelector('[data-running]');
        if (isOver) {
            const status = document.createElement('p');
            status.setAttribute('role', 'status');
            status.textContent = 'The verification is over. The result stands below.';
            const there = document.getElementById('live-progress');
            there.replaceChildren(status);
            delete there.dataset.running;
        }
        document.querySelectorAll('[data-live]').forEach((part) => {
            const renewed = page.getElementById(part.id);
            if (renewed && !(isOver && part.id === 'live-progress') && !part.contains(document.activeElement)) {
                part.replaceChildren(...renewed.childNodes);
            }
        });
        if (running()) {
            setTimeout(renew, 2000);
        }
    };

    if (running()) {
        setTimeout(renew, 1000);
    }
}
