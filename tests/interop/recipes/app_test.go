package app

// A test of an app that uses the recipe of docs/en/test-in-ci.md.

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func ask(t *testing.T, method, path, body string) map[string]any {
	request, err := http.NewRequest(method, cloud.AdminURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+cloud.AdminToken)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var found map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestACredentialIsIssued(t *testing.T) {
	answer, err := http.Get(cloud.GatewayURL + "/sign")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	if cloud.CosURL == "" || cloud.Bucket == "" || cloud.Region == "" {
		t.Fatalf("%+v", cloud)
	}
}

func TestTheClockIsBackAfterAReset(t *testing.T) {
	moved := ask(t, http.MethodPost, "/clock", `{"advance":"31m"}`)
	if moved["offsetSeconds"].(float64) < 1800 {
		t.Fatal(moved)
	}
	reset(t)
	if found := ask(t, http.MethodGet, "/clock", ""); found["offsetSeconds"].(float64) > 60 {
		t.Fatal(found)
	}
}
