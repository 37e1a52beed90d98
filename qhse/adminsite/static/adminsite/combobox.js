// Names Django's searchable choice for people who do not see it: select2 4.0 leaves its box and its search without one.
"use strict";
{
  const $ = django.jQuery;
  const name = (select) => {
    const label = document.querySelector(`label[for="${select.id}"]`);
    label.id = label.id || `${select.id}_label`;
    return label;
  };
  const describe = (select) => {
    const box = select.nextElementSibling.querySelector(".select2-selection");
    const value = box.querySelector(".select2-selection__rendered");
    // A combobox with a text box of no name inside is what select2 makes of a choice. The choice itself is the value.
    value.removeAttribute("role");
    value.removeAttribute("aria-readonly");
    box.setAttribute("aria-labelledby", `${name(select).id} ${value.id}`);
    box.setAttribute("aria-required", select.required);
    for (const attribute of ["aria-describedby", "aria-invalid"])
      if (select.hasAttribute(attribute)) box.setAttribute(attribute, select.getAttribute(attribute));
  };
  // After Django's own script, which makes the boxes when the page is ready.
  $(() => {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
      describe(select);
      $(select).on("select2:open", () => {
        const search = document.querySelector(".select2-container--open .select2-search__field");
        search.setAttribute("aria-label", `Search: ${name(select).firstChild.textContent}`);
        document.querySelector(".select2-container--open [role=listbox]").setAttribute("aria-label", name(select).firstChild.textContent);
      });
    }
  });
}
