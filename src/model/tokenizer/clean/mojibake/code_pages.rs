//! The single-byte encodings that texts are wrongly decoded in, in the order in which ftfy tries
//! them (`CHARMAP_ENCODINGS`).
//!
//! The Windows ones are "sloppy": bytes that they leave out are those of Latin-1, as browsers have
//! it, and U+FFFD stands for a byte that was lost, written as 1A.

use std::sync::LazyLock;

/// What the sloppy encodings write for U+FFFD: the control character SUBSTITUTE.
pub const LOST: u8 = 0x1a;

/// An encoding of one byte a character, whose lower half is ASCII.
#[derive(Debug)]
pub struct CodePage {
    pub encoding: Encoding,
    /// What the bytes from 80 on mean.
    characters: Vec<char>,
    /// The same the other way round, by character.
    bytes: Vec<(char, u8)>,
}

/// What is particular about an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Latin1,
    Sloppy,
    MacRoman,
    Other,
}

/// All of them.
pub fn all() -> &'static [CodePage] {
    static PAGES: LazyLock<Vec<CodePage>> = LazyLock::new(|| {
        let latin_1: String = ('\u{80}'..='\u{ff}').collect();
        [
            (Encoding::Latin1, latin_1.as_str()),
            (Encoding::Sloppy, WINDOWS_1252),
            (Encoding::Sloppy, WINDOWS_1251),
            (Encoding::Sloppy, WINDOWS_1250),
            (Encoding::Sloppy, WINDOWS_1253),
            (Encoding::Sloppy, WINDOWS_1254),
            (Encoding::Sloppy, WINDOWS_1257),
            (Encoding::Other, ISO_8859_2),
            (Encoding::MacRoman, MAC_ROMAN),
            (Encoding::Other, CP_437),
        ]
        .map(|(encoding, characters)| CodePage::new(encoding, characters))
        .into()
    });
    &PAGES
}

/// What Windows-1252, sloppily, has for a byte from 80 on.
pub fn windows_1252(byte: u8) -> char {
    all()[1].characters[usize::from(byte & 0x7f)]
}

impl CodePage {
    fn new(encoding: Encoding, characters: &str) -> Self {
        let characters: Vec<char> = characters.chars().collect();
        let mut bytes: Vec<_> = characters.iter().copied().zip(0x80..=0xff).collect();
        bytes.sort_unstable();
        Self { encoding, characters, bytes }
    }

    /// The bytes of which this encoding would have made `text`, if there are any.
    pub fn encode(&self, text: &str) -> Option<Vec<u8>> {
        text.chars().map(|character| self.byte(character)).collect()
    }

    fn byte(&self, character: char) -> Option<u8> {
        let sloppy = self.encoding == Encoding::Sloppy;
        match character {
            '\u{1a}' if sloppy => None,
            '\u{fffd}' if sloppy => Some(LOST),
            '\0'..='\x7f' => u8::try_from(character).ok(),
            _ => {
                let found = self.bytes.binary_search_by_key(&character, |&(of, _)| of).ok()?;
                Some(self.bytes[found].1)
            }
        }
    }
}

const WINDOWS_1252: &str = "\
    €\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º\
     »¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ";

const WINDOWS_1251: &str = "\
    ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНО\
     ПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";

const WINDOWS_1250: &str = "\
    €\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş\
     »Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";

const WINDOWS_1253: &str = "\
    €\u{81}‚ƒ„…†‡\u{88}‰\u{8a}‹\u{8c}\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}\u{9d}\
     \u{9e}\u{9f}\u{a0}΅Ά£¤¥¦§¨©ª«¬\u{ad}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡÒΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζη\
     θικλμνξοπρςστυφχψωϊϋόύώÿ";

const WINDOWS_1254: &str = "\
    €\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}\u{9e}Ÿ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°\
     ±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ";

const WINDOWS_1257: &str = "\
    €\u{81}‚\u{83}„…†‡\u{88}‰\u{8a}‹\u{8c}¨ˇ¸\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}¯˛\u{9f}\u{a0}¡¢£¤¥¦\
     §Ø©Ŗ«¬\u{ad}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙";

const ISO_8859_2: &str = "\
    \u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\
     \u{8f}\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\
     \u{9e}\u{9f}\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćç\
     čéęëěíîďđńňóôőö÷řůúűüýţ˙";

const MAC_ROMAN: &str = "\
    ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿ\
     Ÿ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

const CP_437: &str = "\
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌\
     ▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_a_character_for_each_byte_and_takes_it_back() {
        for page in all() {
            assert_eq!(page.characters.len(), 128);
            let text: String = page.characters.iter().collect();
            assert_eq!(page.encode(&text).unwrap(), (0x80..=0xff).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn a_sloppy_page_writes_a_lost_byte_and_takes_no_other_for_it() {
        let [latin_1, windows] = [&all()[0], &all()[1]];
        assert_eq!(windows.encode("a\u{fffd}€"), Some(vec![b'a', LOST, 0x80]));
        assert_eq!(windows.encode("\u{1a}"), None);
        assert_eq!(latin_1.encode("\u{1a}"), Some(vec![LOST]));
        assert_eq!(latin_1.encode("€"), None);
    }
}
