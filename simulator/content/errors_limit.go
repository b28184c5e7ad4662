package content

import "strconv"

// The limiter that refused, as the 429 text names it.
const (
	TokenLimit = "token" // tokens per minute
	CallLimit  = "call"  // requests per minute
)

// Throttle is what a 429 body says.
type Throttle struct {
	Limit        string // TokenLimit or CallLimit
	Operation    string // ops.Operation.Name
	Deployment   string
	Model        string
	Region       string // processing region, title case with spaces: East US 2
	Tier         string // kind of resource: OpenAI or AIServices
	APIVersion   string // classic api-version; "" on v1
	RetrySeconds int    // equals the retry-after header; 86400 when the request alone exceeds the limit
	FreeAccount  bool   // older wording only
}

// RateLimitReached is the 429 of a standard deployment since 2025.
func RateLimitReached(t Throttle) Answer {
	return gateway(429, "RateLimitReached", "Your requests to "+t.Deployment+" for "+t.Model+" in "+t.Region+" have exceeded the "+t.Limit+
		" rate limit for your current "+t.Tier+" S0 pricing tier. This request was for "+t.Operation+" under "+t.api()+". "+retryAfter(t.RetrySeconds)+
		" To increase your default rate limit, visit: https://aka.ms/oai/quotaincrease.")
}

// RateLimitReachedOld is the same in the wording up to 2024, with the code "429".
func RateLimitReachedOld(t Throttle) Answer {
	message := "Requests to the " + t.Operation + " Operation under " + t.api() + " have exceeded " + t.Limit + " rate limit of your current " +
		t.Tier + " S0 pricing tier. " + retryAfter(t.RetrySeconds) + " Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."
	if t.FreeAccount {
		message += " For Free Account customers, upgrade to Pay as you Go here: https://aka.ms/429TrialUpgrade."
	}
	return gateway(429, "429", message)
}

// RateLimitGeneric is the 429 of the API management layer itself.
func RateLimitGeneric(retrySeconds int) Answer {
	return gateway(429, "429", "Rate limit is exceeded. Try again in "+seconds(retrySeconds)+".")
}

// PeakLoad is the 429 of a region without capacity. The code is inferred; retrySeconds 0 leaves the hint out, as seen.
func PeakLoad(retrySeconds int) Answer {
	hint := ""
	if retrySeconds > 0 {
		hint = retryAfter(retrySeconds) + " "
	}
	return gateway(429, "429", "The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage size allowed during peak load. "+
		hint+"For improved capacity reliability, consider switching to Provisioned Throughput.")
}

// ProvisionedExceeded is the 429 of a provisioned deployment above 100% utilization. PLACEHOLDER: the real body is not
// public; shape and code are those of the other 429s, and the text says that the wording is not the service's.
// Real waits are mostly below a second, so the hint is in milliseconds, as the retry-after-ms header.
func ProvisionedExceeded(t Throttle, retryMillis int) Answer {
	return gateway(429, "429", "Requests to the "+t.Operation+" Operation under "+t.api()+" have exceeded the provisioned throughput of deployment "+t.Deployment+
		". Please retry after "+strconv.Itoa(retryMillis)+" milliseconds. (Placeholder wording of the simulator.)")
}

// api names the API as 429 texts do.
func (t *Throttle) api() string {
	if t.APIVersion == "" {
		return "OpenAI Language Model Instance API"
	}
	return "Azure OpenAI API version " + t.APIVersion
}

func retryAfter(n int) string { return "Please retry after " + seconds(n) + "." }

func seconds(n int) string {
	if n == 1 {
		return "1 second"
	}
	return strconv.Itoa(n) + " seconds"
}
