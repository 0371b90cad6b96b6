// Sends the contact form as JSON. Without scripts the form posts itself.
"use strict";

(() => {
  const form = document.getElementById("contact");
  if (!form) return;
  const sent = document.getElementById("sent");
  const refusal = document.getElementById("refusal");
  const button = form.querySelector("button");

  const show = (node, text) => {
    sent.hidden = refusal.hidden = true;
    if (text) node.textContent = text;
    node.hidden = false;
    node.focus();
  };

  const why = (status) => {
    if (status === 429) return "You have sent many messages within an hour. Try again later.";
    if (status === 401 || status === 403) return "You are not signed in any more. Open the page anew and sign in.";
    return "The message could not be sent. Try again, or write an e-mail.";
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    const { tickets, email, name, tags, courseField } = form.dataset;
    const ticket = {
      subject: form.elements.subject.value,
      comment: { body: form.elements.details.value },
      tags: tags.split(","),
      requester: { email, name },
      custom_fields: [{ id: courseField, value: form.elements.course.value }],
    };
    const headers = { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    try {
      const answer = await fetch(tickets, { method: "POST", headers, body: JSON.stringify(ticket) });
      if (answer.status === 201) {
        form.reset();
        show(sent);
      } else {
        show(refusal, why(answer.status));
      }
    } catch {
      show(refusal, why(0));
    }
    button.disabled = false;
  });
})();
