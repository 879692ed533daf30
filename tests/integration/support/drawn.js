// What is seen of a status page, for the tests: texts of the picture and where they are, and contrasts.
(() => {
  const picture = document.querySelector("figure svg");
  const box = (element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const meet = (a, b, slack) =>
    a[0] < b[2] - slack && b[0] < a[2] - slack && a[1] < b[3] - slack && b[1] < a[3] - slack;
  const meeting = (elements, slack) => {
    const found = [];
    elements.forEach((one, index) =>
      elements.slice(0, index).forEach((other) => {
        if (meet(box(one), box(other), slack)) found.push([one.textContent, other.textContent]);
      }),
    );
    return found;
  };
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((each) => {
      const part = each / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    const face = element.closest("g.card")?.querySelector(".face");
    if (face) return rgb(getComputedStyle(face).fill);
    for (let each = element; each; each = each.parentElement) {
      const color = rgb(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const color = rgb(element instanceof SVGElement ? style.fill : style.color);
    const [high, low] = [luminance(color), luminance(background(element))].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const written = [...document.body.querySelectorAll("*")].filter(
    (element) =>
      !["TITLE", "DESC"].includes(element.tagName.toUpperCase()) &&
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()),
  );
  const texts = [...picture.querySelectorAll("text")];
  const cards = [...picture.querySelectorAll("g.card")];
  const inside = (inner, outer) =>
    inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3];
  return {
    texts: texts.map((each) => each.textContent),
    cards: cards.map((each) => each.querySelector(".name").textContent),
    lines: picture.querySelectorAll(".line path").length,
    beside: picture.querySelectorAll(".line.beside path").length,
    outside: [...texts, ...picture.querySelectorAll(".line path, .card rect")]
      .filter((each) => !inside(box(each), box(picture)))
      .map((each) => each.textContent || each.outerHTML),
    out_of_card: texts
      .filter((each) => !each.closest(".tab") && !inside(box(each), box(each.closest("g.card").querySelector(".face"))))
      .map((each) => each.textContent),
    meeting: [...meeting(texts, 0.5), ...meeting(cards.map((each) => each.querySelector(".face")), 0)],
    faint: written.filter((each) => contrast(each) < 4.5).map((each) => [each.textContent, contrast(each)]),
    colors: Object.fromEntries(
      [...picture.querySelectorAll(".status")].map((each) => [each.textContent, getComputedStyle(each).fill]),
    ),
    background: rgb(getComputedStyle(document.body).backgroundColor),
    wider: document.documentElement.scrollWidth - innerWidth,
    scripts: document.scripts.length,
    title: document.title,
    named: [picture.getAttribute("role"), ...picture.getAttribute("aria-labelledby").split(" ")
      .map((each) => document.getElementById(each).textContent)],
    rows: [...document.querySelectorAll("section[aria-label=Units] tbody tr")].map((row) =>
      [...row.cells].map((cell) => cell.textContent)),
  };
})()
