//! Which pools a feature with its modifiers means (`flexnet-files.md` 4.2).

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Lot, Pool, Verdict};
use crate::ident::{FeatureName, PoolKey};
use crate::license::{Expiry, FeatureLine, HostId, LicenseFile, LineKind, Statement};
use crate::options::{FeatureSpec, Modifier, TextModifier};

/// A pool by its feature and its place among the pools of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolAt<'a> {
    pub(super) feature: &'a FeatureName,
    pub(super) index: usize,
}

/// What a feature specification selects.
#[derive(Debug, Default)]
pub(super) struct Selection<'a> {
    /// The pools, in the catalog's order.
    pub(super) pools: Vec<PoolAt<'a>>,
    /// Those of them of which only some lines fit.
    pub(super) split: Vec<PoolAt<'a>>,
    /// Whether there are pools at all that modifiers could select from.
    pub(super) named: bool,
}

/// A catalog with the lines behind it.
pub(super) struct Shelf<'a> {
    pub(super) catalog: &'a Catalog,
    licenses: &'a [&'a LicenseFile],
    /// Pools of components by the package's name.
    packages: BTreeMap<&'a str, Vec<&'a PoolKey>>,
    /// Whether any pool is for those alone whom INCLUDE lines name.
    pub(super) has_named: bool,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(catalog: &'a Catalog, licenses: &'a [&'a LicenseFile]) -> Self {
        let mut packages: BTreeMap<&str, Vec<&PoolKey>> = BTreeMap::new();
        for verdict in catalog.verdicts() {
            if let Verdict::Package { pools, .. } = &verdict.verdict {
                packages.entry(&verdict.subject).or_default().extend(pools);
            }
        }
        let has_named = catalog
            .features()
            .any(|feature| catalog.pools(feature.as_str()).iter().any(|pool| !pool.named.is_empty()));
        Self { catalog, licenses, packages, has_named }
    }

    /// All names that a line may use.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.catalog.features().map(FeatureName::as_str).chain(self.packages.keys().copied())
    }

    pub(super) fn pool(&self, at: PoolAt<'_>) -> Option<&'a Pool> {
        self.catalog.pools(at.feature.as_str()).get(at.index)
    }

    /// The pools that a name means: those of the feature, else those of the package's components; for a suite both.
    pub(super) fn named(&self, name: &FeatureName) -> Vec<PoolAt<'a>> {
        let own = self.catalog.pools(name.as_str());
        let mut pools: Vec<PoolAt<'a>> =
            own.iter().enumerate().map(|(index, pool)| PoolAt { feature: &pool.feature, index }).collect();
        if !own.is_empty() && !own.iter().any(Pool::is_package) {
            return pools;
        }
        let keys = self.packages.get(name.as_str()).into_iter().flatten();
        pools.extend(keys.filter_map(|key| {
            let of_feature = self.catalog.pools(key.feature());
            let index = of_feature.iter().position(|pool| pool.key == **key)?;
            Some(PoolAt { feature: &of_feature.get(index)?.feature, index })
        }));
        pools.sort();
        pools.dedup();
        pools
    }

    /// A modifier selects lines, but an option holds for each pool that such a line is in.
    pub(super) fn select(&self, spec: &FeatureSpec) -> Selection<'a> {
        let all = self.named(&spec.name);
        let mut selection = Selection { named: !all.is_empty(), ..Selection::default() };
        for at in all {
            let Some(pool) = self.pool(at) else { continue };
            let fitting = pool.lots.iter().filter(|lot| self.fits(spec, pool, lot)).count();
            if fitting == 0 {
                continue;
            }
            selection.pools.push(at);
            if fitting < pool.lots.len() {
                selection.split.push(at);
            }
        }
        selection
    }

    fn line(&self, lot: &Lot) -> Option<&'a FeatureLine> {
        let line = self.licenses.get(lot.place.file)?.lines.get(lot.place.line)?;
        match &line.kind {
            LineKind::Feature(line) => Some(line),
            LineKind::Upgrade(line) => Some(&line.to),
            _ => None,
        }
    }

    fn fits(&self, spec: &FeatureSpec, pool: &Pool, lot: &Lot) -> bool {
        spec.modifiers.iter().all(|modifier| match modifier {
            Modifier::Version(version) => pool.version == *version,
            Modifier::ExpDate(None) => lot.expiry == Expiry::Never,
            Modifier::ExpDate(Some(day)) => lot.expiry == Expiry::On(*day),
            Modifier::HostId(text) => HostId::parse(text).is_ok_and(|hostid| pool.hostids.contains(&hostid)),
            Modifier::Text(TextModifier::VendorString, text) => pool.vendor_string.as_ref() == Some(text),
            Modifier::Text(modifier, text) => {
                self.line(lot).is_some_and(|line| text_of(line, *modifier) == Some(text.as_str()))
            }
        })
    }
}

fn text_of(line: &FeatureLine, modifier: TextModifier) -> Option<&str> {
    let name = match modifier {
        TextModifier::Key => return line.license_key.as_deref(),
        TextModifier::Sign => "SIGN",
        TextModifier::Issuer => "ISSUER",
        TextModifier::Notice => "NOTICE",
        TextModifier::VendorString => "VENDOR_STRING",
        TextModifier::DistInfo => "dist_info",
        TextModifier::UserInfo => "user_info",
        TextModifier::AssetInfo => "asset_info",
        TextModifier::Entitlement => return None,
    };
    Statement::Feature(line).attribute(name)?.value.as_deref()
}
