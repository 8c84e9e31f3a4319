//! The numbering plan of the world, as far as it says which spellings are one number, and in which country it is.

use std::sync::LazyLock;

/// Each calling code with its main country, how many digits come behind it, and which digits people put between the two
/// at home: `t` and a trunk prefix, nothing for the usual `0`, `z` where a zero in front belongs to the number (ITU-T
/// E.164 and E.129; lengths are those of fixed, mobile, IP and personal numbers in the public metadata of libphonenumber).
const CODES: &str = "\
    US1:10t1 RU7:10t8 EG20:8-10 ZA27:5-9 GR30:10 NL31:9-11 BE32:8-9 FR33:9 ES34:9 HU36:8-9t06 IT39:6-12z \
    RO40:6-9 CH41:9 AT43:4-13 GB44:9-10 DK45:8 SE46:7-9 NO47:8 PL48:7-9 DE49:5-15 PE51:8-9 MX52:10 CU53:6-10 \
    AR54:10-11 BR55:10-11 CL56:9 CO57:8-10 VE58:10 MY60:8-10 AU61:9 ID62:7-12 PH63:6-10 NZ64:8-10 SG65:8 \
    TH66:8-9 JP81:9-10 KR82:5-11 VN84:9-10 CN86:7-11 TR90:10 IN91:10 PK92:9-10 AF93:9 LK94:9 MM95:6-10 \
    IR98:6-10 SS211:9 MA212:9 DZ213:8-9 TN216:8 LY218:9 GM220:7-9 SN221:9 MR222:8 ML223:8 GN224:8-9 \
    CI225:10z BF226:8z NE227:8 TG228:8 BJ229:10z MU230:7-8 LR231:7-9 SL232:8 GH233:9 NG234:10 TD235:8 \
    CF236:8 CM237:9 CV238:7 ST239:7 GQ240:9 GA241:7-8z CG242:9z CD243:7-10 AO244:9 GW245:7-9 IO246:7 AC247:5 \
    SC248:7 SD249:9 RW250:8-9z ET251:9 SO252:6-9 DJ253:8 KE254:7-9 TZ255:9 UG256:9 BI257:8 MZ258:8-9 ZM260:9 \
    MG261:9 RE262:9 ZW263:9-10 NA264:8-9 MW265:7-9 LS266:8 BW267:7-8 SZ268:8 KM269:7 SH290:4-5 ER291:7 \
    AW297:7 FO298:6 GL299:6 GI350:8 PT351:9 LU352:4-11 IE353:7-10 IS354:7-9 AL355:8-9 MT356:8 CY357:8 \
    FI358:5-10 BG359:6-9 LT370:8 LV371:8 EE372:7-8 MD373:8 AM374:8 BY375:9t8 AD376:6-9 MC377:8-9 SM378:8-10z \
    UA380:9 RS381:7-12 ME382:8 XK383:8-12 HR385:8-9 SI386:8 BA387:8-9 MK389:8 CZ420:9 SK421:6-9 LI423:7-9 \
    FK500:5 BZ501:7 GT502:8 SV503:8 HN504:8 NI505:8 CR506:8 PA507:7-8 PM508:6-9 HT509:8 GP590:9 BO591:8 \
    GY592:7 EC593:8-9 GF594:9 PY595:7-9 MQ596:9 SR597:6-7 UY598:8 CW599:7-8 TL670:7-8 NF672:6 BN673:7 \
    NR674:7 PG675:7-8 TO676:5-7 SB677:5-7 VU678:5-7 FJ679:7 PW680:7 WF681:6 CK682:5 NU683:4-7 WS685:5-10 \
    KI686:5-8 NC687:6 TV688:5-7 PF689:8 TK690:4-7 FM691:7 MH692:7t1 KP850:8-10 HK852:8 MO853:8 KH855:8-9 \
    LA856:8-10 BD880:6-10 TW886:8-11 MV960:7 LB961:7-8 JO962:8-9 SY963:8-9 IQ964:8-10 KW965:8 SA966:9 \
    YE967:7-9 OM968:8 PS970:8-9 AE971:8-9 IL972:8-12 BH973:8 QA974:8 BT975:7-8 MN976:8-10 NP977:8-10 \
    TJ992:9z TM993:8t8 AZ994:9 GE995:9 KG996:9 UZ998:9";

/// Countries that share a calling code with a bigger one, by the digits behind it: the longest match counts. `--` is no
/// country at all: free, premium and personal numbers, which are answered anywhere.
const SHARED: [(u16, &str); 12] = [
    (
        1,
        "CA:204,226,236,249,250,257,263,273,289,306,343,354,365,367,368,382,403,416,418,428,431,437,438,450,468,474,506,514,\
         519,548,579,581,584,587,604,613,639,647,672,683,705,709,742,753,778,780,782,807,819,825,867,873,879,902,905,942 \
         AG:268 AI:264 AS:684 BB:246 BM:441 BS:242 DM:767 DO:809,829,849 GD:473 GU:671 JM:658,876 KN:869 KY:345 LC:758 \
         MP:670 MS:664 PR:787,939 SX:721 TC:649 TT:868 VC:784 VG:284 VI:340 \
         --:500,521,522,523,524,525,526,527,528,529,532,533,544,566,577,588,600,622,700,710,800,822,833,844,855,866,877,880,\
         881,882,883,888,900",
    ),
    (7, "KZ:6,7"),
    (39, "VA:06698 SM:0549"),
    (
        44,
        "GG:1481,7781,7839,79111,79117 JE:1534,7509,7829,7937,77003,77007,77008,7797 \
         IM:1624,7624,7524,7924,74576 --:55,56,70,76,8,9",
    ),
    (47, "SJ:79 --:8"),
    (61, "CC:89162 CX:89164 --:13,18,19"),
    (212, "EH:5288,5289"),
    (262, "YT:269,639,7093"),
    (290, "TA:8"),
    (358, "AX:18"),
    (590, "BL:59027,69027 MF:59051,59052,59087,69051,69052"),
    (599, "BQ:3,4,7"),
];

/// What the plan says of one calling code.
#[derive(Debug)]
pub(super) struct Plan {
    country: &'static str,
    /// The digits that numbers of those begin with who share the calling code, in order, and who that is.
    within: Vec<(&'static str, &'static str)>,
    shortest: usize,
    longest: usize,
    trunk: Trunk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trunk {
    /// Digits to leave out behind the calling code.
    Prefix(&'static str),
    /// A zero belongs to the number.
    None,
}

/// The plans by calling code, read once: each message asks for them several times.
static PLANS: LazyLock<Vec<Option<Plan>>> = LazyLock::new(|| {
    let mut plans: Vec<Option<Plan>> = (0..1000).map(|_| None).collect();
    for (code, plan) in CODES.split(' ').filter_map(Plan::read) {
        if let Some(place) = plans.get_mut(usize::from(code)) {
            *place = Some(plan);
        }
    }
    plans
});

/// The plan of the calling code that these digits begin with, that code, and what is behind it.
pub(super) fn find(digits: &str) -> Option<(&'static Plan, u16, &str)> {
    // No code begins with a zero, and none begins with another one.
    (1..=3).filter(|_| !digits.starts_with('0')).find_map(|length| {
        let (code, behind) = digits.split_at_checked(length)?;
        let code: u16 = code.parse().ok()?;
        Some((PLANS.get(usize::from(code))?.as_ref()?, code, behind))
    })
}

impl Plan {
    fn read(entry: &'static str) -> Option<(u16, Self)> {
        let (country, entry) = entry.split_at_checked(2)?;
        let (code, rule) = entry.split_once(':')?;
        let code = code.parse().ok()?;
        let lengths = rule.trim_end_matches('z');
        let (lengths, trunk) = match lengths.split_once('t') {
            Some((lengths, prefix)) => (lengths, Trunk::Prefix(prefix)),
            None if rule.ends_with('z') => (lengths, Trunk::None),
            None => (lengths, Trunk::Prefix("0")),
        };
        let (shortest, longest) = lengths.split_once('-').unwrap_or((lengths, lengths));
        let (shortest, longest) = (shortest.parse().ok()?, longest.parse().ok()?);
        Some((code, Self { country, within: within(code), shortest, longest, trunk }))
    }

    /// The one spelling of what is behind the calling code; nothing if it is no number there. `bracketed` says that a zero in
    /// brackets was left out already.
    pub(super) fn canonical<'d>(&self, code: u16, behind: &'d str, bracketed: bool) -> Option<&'d str> {
        let fits = |digits: &str| (self.shortest..=self.longest).contains(&digits.len());
        if bracketed && self.trunk != Trunk::Prefix("0") {
            // "+39 (0)6" is the number with the zero to some, and without it to others.
            return None;
        }
        let found = match self.trunk {
            Trunk::None => behind,
            // No number of these countries begins with a zero, so one in front is the trunk prefix.
            Trunk::Prefix("0") => behind.strip_prefix('0').unwrap_or(behind),
            Trunk::Prefix(_) if fits(behind) => behind,
            Trunk::Prefix(prefix) => behind.strip_prefix(prefix).unwrap_or(behind),
        };
        // Mexico dialled a 1 before mobile numbers until 2019, and many address books still do.
        let found =
            if code == 52 && found.len() == 11 { found.strip_prefix('1').unwrap_or(found) } else { found };
        // No number begins with what is dialled before numbers; where a zero does, it was not left out.
        let trunk = match (self.trunk, code) {
            (Trunk::None, _) => false,
            (Trunk::Prefix(_), 1) => found.starts_with(['0', '1']),
            (Trunk::Prefix(_), _) => found.starts_with('0'),
        };
        (fits(found) && !trunk).then_some(found)
    }

    /// The country of a number: two letters, or nothing for numbers of no country.
    pub(super) fn country(&self, behind: &str) -> Option<&'static str> {
        // What a number begins with comes before it, and of two beginnings the longer one comes closer.
        let before = self.within.partition_point(|(beginning, _)| *beginning <= behind);
        let mut closest = self.within.iter().take(before).rev();
        let shared = closest.find(|(beginning, _)| behind.starts_with(beginning));
        Some(shared.map_or(self.country, |(_, country)| country)).filter(|country| *country != "--")
    }
}

fn within(code: u16) -> Vec<(&'static str, &'static str)> {
    let shared = SHARED.iter().filter(|(shared, _)| *shared == code);
    let entries = shared.flat_map(|(_, list)| list.split(' ')).filter_map(|entry| entry.split_once(':'));
    let mut within: Vec<_> = entries
        .flat_map(|(country, all)| all.split(',').map(move |beginning| (beginning, country)))
        .collect();
    within.sort_unstable();
    within
}

/// Every country of the plan.
pub(super) fn countries() -> impl Iterator<Item = &'static str> {
    let main = CODES.split(' ').filter_map(|entry| entry.get(..2));
    let shared = SHARED.iter().flat_map(|(_, list)| list.split(' ').filter_map(|entry| entry.get(..2)));
    main.chain(shared).filter(|country| *country != "--")
}
