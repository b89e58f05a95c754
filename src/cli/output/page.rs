//! What every page of a report is: complete in itself, no script, nothing from elsewhere. Light and dark, on a desk and on a phone.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The look that pages share; `style` of each comes behind it.
const SHARED: &str = include_str!("page.css");

pub fn whole(title: &str, style: &str, content: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(SHARED)) (PreEscaped(style)) }
            }
            body { main { (content) } }
        }
    };
    markup.into_string()
}
