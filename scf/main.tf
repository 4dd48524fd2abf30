# The function on Tencent SCF, for Terraform: `make package`, then `terraform init && terraform apply` in this folder.
#
# Promises: a web function with a function URL; nothing about who may ask or what they get has a default; secrets are never
# shown. Leaves out: where the state is kept (it holds the secrets in the clear: encrypt it), variables that few need (the
# README has the table), a domain of one's own, alarms.

terraform {
  required_version = ">= 1.5"
  required_providers {
    tencentcloud = {
      source = "tencentcloudstack/tencentcloud"
      # Function URLs: a trigger of type http, without a name
      version = "~> 1.83, >= 1.83.21"
    }
  }
}

# The deployer's own key is not the calling key: the provider takes it from TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY.
provider "tencentcloud" {
  region = var.region
}

variable "auth" {
  type        = string
  description = "How callers prove who they are (AUTH). There is no default; `none` has to be written."
}

variable "api_keys" {
  type        = string
  sensitive   = true
  default     = null
  description = "The hashed keys of callers (API_KEYS), when auth names api-key"
}

variable "hmac_keys" {
  type        = string
  sensitive   = true
  default     = null
  description = "The keys that callers sign with (HMAC_KEYS), when auth names hmac"
}

variable "secret_id" {
  type        = string
  sensitive   = true
  description = "The calling key's SecretId (SECRET_ID), of a permanent key"
}

variable "secret_key" {
  type        = string
  sensitive   = true
  description = "The calling key's SecretKey (SECRET_KEY)"
}

variable "bucket" {
  type        = string
  description = "The bucket with its appid (BUCKET), as examplebucket-1250000000"
}

variable "region" {
  type        = string
  description = "The bucket's region (REGION), as ap-guangzhou; the function runs there too"
}

variable "prefix" {
  type        = string
  description = "The keys a credential covers (PREFIX), ends in a slash, as uploads/"
}

variable "allow" {
  type        = string
  description = "What a credential allows (ALLOW), some of upload,download,list,delete"
}

variable "allowed_origins" {
  type        = string
  default     = null
  description = "Pages that may ask from a browser (ALLOWED_ORIGINS), as https://app.example.com; none when left out"
}

resource "tencentcloud_scf_function" "issuer" {
  name      = "cos-issuer"
  namespace = "default"
  # A web function, not an event function: those have their return values logged, credentials included.
  func_type = "HTTP"
  # The name is an open question for web functions: see README.md.
  runtime = "CustomRuntime"
  handler = "bootstrap"
  # Named after its content: the provider sees a new package by its path alone.
  zip_file = "${path.module}/../dist/terraform/${filesha256("${path.module}/../dist/cos-issuer-scf.zip")}.zip"
  mem_size = 128
  # STS has STS_DEADLINE_MS (3000) of this.
  timeout = 10
  # STS is called over the public network.
  enable_public_net = true
  environment = merge(
    {
      AUTH       = var.auth
      SECRET_ID  = var.secret_id
      SECRET_KEY = var.secret_key
      BUCKET     = var.bucket
      REGION     = var.region
      PREFIX     = var.prefix
      ALLOW      = var.allow
    },
    var.api_keys == null ? {} : { API_KEYS = var.api_keys },
    var.hmac_keys == null ? {} : { HMAC_KEYS = var.hmac_keys },
    var.allowed_origins == null ? {} : { ALLOWED_ORIGINS = var.allowed_origins },
  )
}

resource "tencentcloud_scf_trigger" "url" {
  function_name = tencentcloud_scf_function.issuer.name
  namespace     = tencentcloud_scf_function.issuer.namespace
  qualifier     = "$DEFAULT"
  type          = "http"
  enable        = "OPEN"
  # NONE: callers prove themselves to the function (AUTH), which refuses before it calls STS. CORS stays off: the function
  # answers preflights itself, and a header sent twice is one that browsers refuse.
  trigger_desc = jsonencode({
    AuthType   = "NONE"
    CorsConfig = { Enable = false }
    NetConfig  = { EnableExtranet = true, EnableIntranet = false }
  })
}
