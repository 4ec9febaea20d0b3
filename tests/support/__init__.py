"""What several tests share: fixtures' parts, planted faults, forged bundles. Holds no tests."""
