package content

// InvalidKey answers a wrong or missing api-key.
func InvalidKey() Answer {
	return gateway(401, "401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.")
}

// InvalidToken answers a bearer token that is missing, expired or for another audience. This body is flat.
func InvalidToken() Answer {
	return Answer{401, []byte(`{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired."}`)}
}

// PermissionDenied answers a valid token whose principal has no role, in the older wording.
func PermissionDenied() Answer {
	return gateway(401, "PermissionDenied", "Principal does not have access to API/Operation.")
}

// ActionDenied is PermissionDenied in the newer wording: for the principal's object id, the data action that it lacks and
// the operation, such as POST /openai/deployments/{deployment-id}/chat/completions. On the routes of projects a sentence
// follows. The wording was observed for other actions than those of models.
func ActionDenied(principal, action, operation string, project bool) Answer {
	text := "The principal `" + principal + "` lacks the required data action `" + action + "` to perform `" + operation + "` operation."
	if project {
		text += " For instructions on granting the necessary permissions, see https://aka.ms/FoundryPermissions."
	}
	return gateway(401, "PermissionDenied", text)
}

// FirewallDenied answers a caller outside the resource's network rules.
func FirewallDenied() Answer {
	return gateway(403, "403", "Access denied due to Virtual Network/Firewall rules.")
}

// PublicAccessDisabled answers a caller from the internet where only private endpoints are allowed.
func PublicAccessDisabled() Answer {
	return gateway(403, "403", "Public access is disabled. Please configure private endpoint.")
}

// RegionalEndpointDenied answers a regional host name for a resource in a virtual network.
func RegionalEndpointDenied() Answer {
	return gateway(403, "403", "A Virtual Network is configured for this resource. Please use the correct endpoint for making requests. Check https://aka.ms/cogsvc-vnet for more details.")
}

// KeyAuthDisabled answers an api-key where only tokens are allowed. The wording is from memory, not observed.
func KeyAuthDisabled() Answer {
	return gateway(403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.")
}
