package simulator

import (
	"foundrylab/internal/unit"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/deployment"
)

// defaultOnFirstUse bounds the deployments that appear in the resource that was told nothing.
const defaultOnFirstUse = 200

// Default is the resource of a simulator that was told nothing: a provisioned deployment of gpt-4.1, and standard ones of
// the common models by their names, with any key; where it is
// strict, with the keys foundrylab-key and foundrylab-key-2. What else is asked for appears on first use, up to
// 200 deployments.
func Default() Config {
	cfg := Config{OnFirstUse: defaultOnFirstUse, Deployments: append([]deployment.Config{
		{Name: "gpt-4.1", Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 300_000},
		{Name: "gpt-4o", Model: "gpt-4o", Version: "2024-11-20", SKU: "GlobalStandard", TPM: 300_000, RPM: 1_800},
		{Name: "gpt-4.1-mini", Model: "gpt-4.1-mini", SKU: "GlobalStandard", TPM: 1_000_000},
		{Name: "gpt-4.1-ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50},
	}, common()...)}
	for i := range cfg.Deployments {
		cfg.Deployments[i].Key2 = "foundrylab-key-2"
	}
	return cfg
}

// common are the models that most ask for, with the quota of a subscription's first tier (Microsoft's quota page of
// 2026-08-20; gpt-35-turbo is no longer on it). Those of Claude have the model's.
func common() (all []deployment.Config) {
	for _, m := range []struct {
		name string
		tpm  unit.Count
	}{
		{"gpt-4.1-nano", 5_000_000},
		{"gpt-4o-mini", 2_000_000},
		{"gpt-5", 1_000_000},
		{"gpt-5-mini", 1_000_000},
		{"gpt-5-nano", 5_000_000},
		{"gpt-5.4", 1_000_000},
		{"gpt-5.4-mini", 1_000_000},
		{"o3", 1_000_000},
		{"o4-mini", 1_000_000},
		{"gpt-35-turbo", 300_000},
		{catalog.Router, 1_000_000},
		{"text-embedding-3-small", 1_000_000},
		{"text-embedding-3-large", 1_000_000},
		{"text-embedding-ada-002", 1_000_000},
		{"claude-sonnet-4-5", 0},
		{"claude-haiku-4-5", 0},
	} {
		all = append(all, deployment.Config{Name: m.name, Model: m.name, Version: catalog.Guess(m.name, catalog.Chat).Version, SKU: "GlobalStandard", TPM: m.tpm})
	}
	return all
}
