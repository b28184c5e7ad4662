package deployment

import (
	"strings"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/simulator/filter"
	"foundrylab/simulator/latency"
)

// Config is one deployment: an entry of a scenario's `backends`.
type Config struct {
	Name    string               `yaml:"name" required:"true" doc:"deployment name, as clients and gateways call it"`
	Model   string               `yaml:"model" required:"true" doc:"model, such as gpt-4.1"`
	Version string               `yaml:"version" default:"2025-04-14" doc:"model version, shown after the model's name in answers"`
	SKU     string               `yaml:"sku" required:"true" enum:"GlobalStandard|DataZoneStandard|Standard|GlobalProvisionedManaged|DataZoneProvisionedManaged|ProvisionedManaged" doc:"deployment type"`
	Region  string               `yaml:"region" default:"East US 2" doc:"processing region, as the service spells it in x-ms-region"`
	TPM     unit.Count           `yaml:"tpm" doc:"standard: tokens per minute"`
	RPM     unit.Count           `yaml:"rpm" doc:"standard: requests per minute; default by the ratio of the model's family, such as tpm/1000"`
	PTU     int64                `yaml:"ptu" min:"0" max:"100000" doc:"provisioned: provisioned throughput units"`
	Latency latency.Config       `yaml:"latency" doc:"pace of its answers; default: the profile of its model"`
	Output  *distribution.Config `yaml:"output" doc:"answer length in tokens for requests that do not ask for one; default log-normal p50 180, p95 700"`

	ServiceTier   string     `yaml:"service_tier" default:"default" enum:"default|priority" doc:"tier of requests that ask for none"`
	Flex          *Flex      `yaml:"flex" doc:"what requests in the tier flex go through before they are served; default: nothing"`
	PriorityFloor unit.Count `yaml:"priority_floor" default:"1M" doc:"tokens a minute in the tier priority that may come without a slow climb (undocumented by the service)"`

	PromptCache *PromptCache `yaml:"prompt_cache" doc:"what it remembers of prompts that begin alike; default: as the service documents it"`

	Responses *Responses `yaml:"responses" doc:"how it keeps what the Responses API stores; default: found at once"`

	Subscription string `yaml:"subscription" default:"default" doc:"whose quota it draws from, where a scenario has quota"`

	UtilizationWindow unit.Duration `yaml:"utilization_window" default:"10s" doc:"provisioned: how much capacity time the leaky bucket holds at 100 % (undocumented by the service)"`
	MaxTokensGuess    unit.Count    `yaml:"max_tokens_guess" default:"256" doc:"provisioned: output tokens assumed at admission when a request gives no max_tokens (undocumented by the service)"`
	MaxTokensWeight   unit.Ratio    `yaml:"max_tokens_weight" default:"100%" doc:"provisioned: share of max_tokens that counts in the estimate at admission (undocumented by the service)"`
	Disconnect        string        `yaml:"disconnect" default:"produced" enum:"produced|planned|estimate" doc:"provisioned: output charged when the client leaves: what was produced, the whole answer, or the estimate as it stands (undocumented by the service)"`
	Resource          string        `yaml:"resource" doc:"resource that it is deployed in; default: its own name. Backends of one resource share an address live, and can spill over"`
	Spillover         string        `yaml:"spillover" doc:"provisioned: the standard deployment of the same resource that takes what it refuses"`
	SpilloverError    string        `yaml:"spillover_error" default:"original" enum:"original|target" doc:"provisioned: whose answer a request gets that both refuse (the service's pages differ)"`
	UsageTier         *UsageTier    `yaml:"usage_tier" doc:"GlobalStandard: slower answers above so many tokens a month; default: none"`
	DynamicQuota      *DynamicQuota `yaml:"dynamic_quota" doc:"standard: lets it go beyond its limits while there is capacity to spare; default: never"`
	OutputTPM         unit.Count    `yaml:"output_tpm" doc:"Claude: output tokens per minute; default a fifth of tpm, which is here the prompt tokens per minute that no cache knew, and by default the model's"`
	OutputCharge      string        `yaml:"output_charge" default:"produced" enum:"produced|max_tokens" doc:"Claude: what counts against output_tpm: what was produced, once the answer ends, or max_tokens at arrival (undocumented by the service)"`
	Profile           string        `yaml:"profile" default:"azure-2026" enum:"azure-2024|azure-2025|azure-2026" doc:"standard: the year whose evidence the limits, headers and 429s follow"`
	Window            string        `yaml:"window" enum:"fixed|sliding" doc:"standard: whether windows are all new at their end, or slide; default by profile"`
	CountRejected     *bool         `yaml:"count_rejected" doc:"standard: whether refused requests count against the request limit; default by profile"`

	LatencyCheckpoint *bool `yaml:"latency_checkpoint" doc:"whether the usage of chat completions tells where the time went; default by profile: from azure-2026 on"`

	MaxInFlight int `yaml:"max_in_flight" default:"200000" min:"1" max:"1000000" doc:"bound on requests being answered at once; above it 503"`

	ContentFilter *filter.Config `yaml:"content_filter" doc:"live: what its content filter finds in prompts and answers; default: nothing"`

	Content string `yaml:"content" default:"generate" enum:"generate|echo" doc:"live: what answers say: words made up, or what the user said last"`

	Listen string `yaml:"listen" doc:"live: fixed address such as 127.0.0.1:9101; default a free port"`
	TLS    bool   `yaml:"tls" default:"false" doc:"live: serve it over TLS, with a certificate that the run makes for itself and its gateway trusts"`
	Key    string `yaml:"key" default:"foundrylab-key" doc:"live: the api-key it accepts"`
	Key2   string `yaml:"key2" doc:"live: a second one, good at the same time; default: none"`
}

// Provisioned reports whether the SKU is a provisioned one.
func (c *Config) Provisioned() bool { return strings.HasSuffix(c.SKU, "ProvisionedManaged") }

// NameFits reports whether a deployment can have that name: it can stand in a
// URL's path as it is.
func NameFits(name string) bool {
	for i := range len(name) {
		c := name[i]
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !word && (i == 0 || c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if c.Name != "" && !NameFits(c.Name) {
		fail("name", "%q is no deployment name: use up to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit", c.Name)
	}
	if c.ServiceTier == record.PriorityTier.String() && !c.hasPriority() {
		fail("service_tier", "no %s deployment of %s has the tier priority; standard ones have it of: %s", c.SKU, c.Model, priorityModels())
	}
	if c.Flex != nil && !c.hasFlex() {
		fail("flex", "no %s deployment of %s has the tier flex; GlobalStandard ones of gpt-5.6-sol have it", c.SKU, c.Model)
	}
	m, known := modelNamed(c.Model)
	switch {
	case c.Provisioned() && c.PTU == 0:
		fail("ptu", "a %s deployment needs ptu", c.SKU)
	case c.Provisioned() && (c.TPM != 0 || c.RPM != 0):
		fail("tpm", "a %s deployment is sized in ptu, not in tpm or rpm", c.SKU)
	case c.Provisioned() && !known:
		fail("model", "no PTU figures are known for %q; known: %s", c.Model, modelNames())
	case c.Provisioned():
		least, step := m.minimum(c.SKU)
		if c.PTU < least || (c.PTU-least)%step != 0 {
			fail("ptu", "%s of %s takes at least %d PTU in steps of %d", c.SKU, c.Model, least, step)
		}
		if c.UtilizationWindow <= 0 {
			fail("utilization_window", "must be longer than zero")
		}
	case c.PTU != 0:
		fail("ptu", "a %s deployment is sized in tpm, not in ptu", c.SKU)
	case c.TokensPerMinute() == 0:
		fail("tpm", "a %s deployment needs tpm, such as 300k", c.SKU)
	}
	c.checkUsageTier(fail)
	if c.DynamicQuota != nil && c.Provisioned() {
		fail("dynamic_quota", "only standard deployments have it, and this is %s", c.SKU)
	}
	if c.OutputTPM != 0 && !c.claude() {
		fail("output_tpm", "only standard deployments of Claude models have a limit on output tokens, and this is %s on %s", c.Model, c.SKU)
	}
}
