// Command upload uploads a file to COS with a credential of cos-issuer.
//
//	COS_ADDRESS=127.0.0.1:5001 go run . photo.jpg users/1/photo.jpg
//
// Settings: ../README.md
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/tencentyun/cos-go-sdk-v5"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run . FILE KEY")
		os.Exit(2)
	}
	if err := upload(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("uploaded", os.Args[2])
}

func upload(ctx context.Context, file, key string) error {
	scheme, network := "https", &http.Transport{}
	if address := os.Getenv("COS_ADDRESS"); address != "" {
		// The local cloud: the real host name, another address.
		scheme = "http"
		network.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	bucket := setting("BUCKET", "examplebucket-1250000000")
	region := setting("REGION", "ap-guangzhou")
	host, err := url.Parse(fmt.Sprintf("%s://%s.cos.%s.myqcloud.com", scheme, bucket, region))
	if err != nil {
		return err
	}
	issuer := &issuer{
		url:   setting("ISSUER_URL", "http://127.0.0.1:5000/sts"),
		token: os.Getenv("ISSUER_TOKEN"),
	}
	client := cos.NewClient(&cos.BaseURL{BucketURL: host}, &http.Client{
		Transport: &signer{issuer: issuer, network: network},
	})
	// In parts, when the file is larger than 5 MB.
	_, _, err = client.Object.Upload(ctx, key, file, &cos.MultiUploadOptions{PartSize: 5})
	return err
}

// A signer signs each request with a credential that is valid for another minute. The SDK's own
// CredentialTransport asks for id, key and token one by one, which may then be of two credentials.
type signer struct {
	issuer  *issuer
	network http.RoundTripper
}

func (s *signer) RoundTrip(request *http.Request) (*http.Response, error) {
	credential, err := s.issuer.credential(request.Context())
	if err != nil {
		return nil, err
	}
	transport := &cos.AuthorizationTransport{
		SecretID:     credential.Credentials.TmpSecretID,
		SecretKey:    credential.Credentials.TmpSecretKey,
		SessionToken: credential.Credentials.SessionToken,
		Transport:    s.network,
	}
	return transport.RoundTrip(request)
}

// An answer of the issuer.
type answer struct {
	Credentials struct {
		TmpSecretID  string `json:"tmpSecretId"`
		TmpSecretKey string `json:"tmpSecretKey"`
		SessionToken string `json:"sessionToken"`
	} `json:"credentials"`
	ExpiredTime int64 `json:"expiredTime"`

	CodeDesc string `json:"codeDesc"`
	Message  string `json:"message"`
}

type issuer struct {
	url, token string

	mutex  sync.Mutex
	latest answer
}

func (i *issuer) credential(ctx context.Context) (answer, error) {
	// Parallel parts share one request for a credential.
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if time.Now().Unix() < i.latest.ExpiredTime-60 {
		return i.latest, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url, nil)
	if err != nil {
		return answer{}, err
	}
	if i.token != "" {
		request.Header.Set("Authorization", "Bearer "+i.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var received answer
	if err := json.NewDecoder(response.Body).Decode(&received); err != nil {
		return answer{}, fmt.Errorf("the issuer's answer is not JSON: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s: %s", received.CodeDesc, received.Message)
	}
	i.latest = received
	return received, nil
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
